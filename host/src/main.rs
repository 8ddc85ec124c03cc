//! The command line's door; everything is behind [`balcao::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    balcao::cli::main()
}
