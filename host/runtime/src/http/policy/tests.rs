use proptest::prelude::*;

use super::*;

fn policy(hosts: &[&str]) -> Policy {
    Policy {
        granted: hosts.iter().map(|h| h.parse().unwrap()).collect(),
        ..Policy::default()
    }
}

fn development(hosts: &[&str]) -> Policy {
    Policy {
        allow_http: true,
        allow_private: true,
        ..policy(hosts)
    }
}

fn checked(policy: &Policy, url: &str) -> Result<String, Refusal> {
    policy.check_url(url).map(String::from)
}

fn host(name: &str) -> Refusal {
    Refusal::Host(name.to_owned())
}

fn v4(address: &str) -> Refusal {
    Refusal::AddressLiteral(address.parse().unwrap())
}

#[test]
fn a_pattern_is_a_host_or_the_subdomains_of_a_domain() {
    let pattern = |text: &str| text.parse::<HostPattern>().map(|p| p.to_string());
    assert_eq!(pattern("API.Example.COM."), Ok("api.example.com".into()));
    assert_eq!(pattern("*.example.com"), Ok("*.example.com".into()));
    assert_eq!(pattern("example.com:8443"), Ok("example.com:8443".into()));
    assert_eq!(pattern("exämple.com"), Ok("xn--exmple-cua.com".into()));
    assert_eq!(pattern("[::1]:8080"), Ok("[::1]:8080".into()));
    for bad in [
        "",
        ".",
        "*",
        "*.",
        "*.com",
        "a*.example.com",
        "*.*.com",
        "https://example.com",
        "example.com/x",
        "u@example.com",
        "example.com:0",
        "example.com:x",
        "a b.com",
        "a..com",
        "*.127.0.0.1",
    ] {
        assert!(pattern(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn only_hosts_that_a_pattern_names_may_be_spoken_to() {
    let policy = policy(&["api.example.com", "*.cdn.example"]);
    assert_eq!(
        checked(&policy, "https://api.example.com/v1?q=1"),
        Ok("https://api.example.com/v1?q=1".into())
    );
    assert_eq!(
        checked(&policy, "https://a.b.cdn.example/"),
        Ok("https://a.b.cdn.example/".into())
    );
    for (url, name) in [
        ("https://example.com/", "example.com"),
        ("https://x.api.example.com/", "x.api.example.com"),
        (
            "https://api.example.com.evil.test/",
            "api.example.com.evil.test",
        ),
        ("https://evilapi.example.com/", "evilapi.example.com"),
        ("https://cdn.example/", "cdn.example"),
        ("https://evilcdn.example/", "evilcdn.example"),
    ] {
        assert_eq!(checked(&policy, url), Err(host(name)), "{url}");
    }
    assert!(
        host("x.test")
            .to_string()
            .contains("add \"x.test\" to `hosts` under [http] in plugin.toml")
    );
}

#[test]
fn case_trailing_dot_and_idna_are_one_host() {
    let policy = policy(&["api.example.com", "exämple.com"]);
    for same in [
        "https://API.example.COM/a",
        "https://api.example.com./a",
        "HTTPS://api.example.com:443/a",
        "https://api.example.com/x/../a#part",
        "https://ａｐｉ.example.com/a",
        "https://api%2Eexample.com/a",
    ] {
        assert_eq!(
            checked(&policy, same),
            Ok("https://api.example.com/a".into()),
            "{same}"
        );
    }
    assert_eq!(
        checked(&policy, "https://EXÄMPLE.com/"),
        Ok("https://xn--exmple-cua.com/".into())
    );
    assert!(matches!(
        checked(&policy, "https://api.example.com../"),
        Err(Refusal::Url(_))
    ));
}

#[test]
fn only_https_unless_the_operator_allows_http() {
    let hosts = ["api.example.com"];
    let scheme = |s: &str| Err(Refusal::Scheme(s.to_owned()));
    for (url, expected) in [
        ("http://api.example.com/", "http"),
        ("ftp://api.example.com/", "ftp"),
        ("file:///etc/passwd", "file"),
        ("javascript:alert(1)", "javascript"),
    ] {
        assert_eq!(checked(&policy(&hosts), url), scheme(expected));
    }
    assert_eq!(
        checked(&development(&hosts), "http://api.example.com/"),
        Ok("http://api.example.com/".into())
    );
    assert_eq!(
        checked(&development(&hosts), "file:///etc/passwd"),
        scheme("file")
    );
}

#[test]
fn user_names_in_a_url_are_refused_even_if_empty() {
    let policy = policy(&["api.example.com"]);
    for url in [
        "https://user@api.example.com/",
        "https://user:pass@api.example.com/",
        "https://@api.example.com/",
        "https://:@api.example.com/",
        "https://evil.test@api.example.com/",
    ] {
        assert_eq!(checked(&policy, url), Err(Refusal::UserInfo), "{url}");
    }
    assert_eq!(
        checked(&policy, "https://api.example.com/@a?b=@c"),
        Ok("https://api.example.com/@a?b=@c".into())
    );
}

#[test]
fn characters_that_a_parser_would_drop_or_repair_are_refused() {
    let policy = policy(&["api.example.com"]);
    for url in [
        " https://api.example.com/",
        "https://api.exa\tmple.com/",
        "https://api.example.com/\r\nX: y",
        "https:\\\\api.example.com\\",
        "https://api.example.com/a b",
        "",
        "//api.example.com",
        "api.example.com",
    ] {
        assert!(
            matches!(checked(&policy, url), Err(Refusal::Url(_))),
            "{url:?}"
        );
    }
}

#[test]
fn another_port_needs_a_pattern_that_names_it() {
    let plain = policy(&["api.example.com"]);
    let port = Refusal::Port {
        host: "api.example.com".into(),
        port: 8443,
    };
    assert!(port.to_string().contains("add \"api.example.com:8443\""));
    assert_eq!(checked(&plain, "https://api.example.com:8443/"), Err(port));
    let named = policy(&["api.example.com:8443"]);
    assert_eq!(
        checked(&named, "https://api.example.com:8443/"),
        Ok("https://api.example.com:8443/".into())
    );
    assert_eq!(
        checked(&named, "https://api.example.com/"),
        Err(Refusal::Port {
            host: "api.example.com".into(),
            port: 443
        })
    );
}

#[test]
fn addresses_are_refused_in_every_spelling() {
    let policy = policy(&["api.example.com", "127.0.0.1", "[::1]"]);
    for spelling in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "１２７.0.0.1",
        "%31%32%37.0.0.1",
        "127。0。0。1",
    ] {
        assert_eq!(
            checked(&policy, &format!("https://{spelling}/")),
            Err(v4("127.0.0.1")),
            "{spelling}"
        );
    }
    for (spelling, address) in [
        ("[::1]", "::1"),
        ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
        ("[::ffff:7f00:1]", "::ffff:127.0.0.1"),
        ("[2606:4700::1111]", "2606:4700::1111"),
    ] {
        assert_eq!(
            checked(&policy, &format!("https://{spelling}/")),
            Err(v4(address)),
            "{spelling}"
        );
    }
    assert_eq!(checked(&policy, "https://8.8.8.8/"), Err(v4("8.8.8.8")));
    for broken in [
        "256.256.256.256",
        "1.2.3.4.5",
        "0x7g.1",
        "[::1",
        "[fe80::1%25eth0]",
    ] {
        assert!(
            matches!(
                checked(&policy, &format!("https://{broken}/")),
                Err(Refusal::Url(_))
            ),
            "{broken}"
        );
    }
}

#[test]
fn development_allows_named_addresses_only() {
    let policy = development(&["127.0.0.1:9101", "[::1]"]);
    assert_eq!(
        checked(&policy, "http://127.0.0.1:9101/v1"),
        Ok("http://127.0.0.1:9101/v1".into())
    );
    assert_eq!(
        checked(&policy, "http://2130706433:9101/v1"),
        Ok("http://127.0.0.1:9101/v1".into())
    );
    assert_eq!(
        checked(&policy, "https://[0:0::1]/"),
        Ok("https://[::1]/".into())
    );
    assert_eq!(
        checked(&policy, "http://127.0.0.2:9101/"),
        Err(host("127.0.0.2"))
    );
}

#[test]
fn the_operator_has_the_last_word() {
    let policy = Policy {
        operator: Some(vec!["*.example.com".parse().unwrap()]),
        ..policy(&["api.example.com", "api.example.net"])
    };
    assert_eq!(
        checked(&policy, "https://api.example.com/"),
        Ok("https://api.example.com/".into())
    );
    assert_eq!(
        checked(&policy, "https://api.example.net/"),
        Err(Refusal::Operator("api.example.net".into()))
    );
}

#[test]
fn covering_follows_subdomains_and_ports() {
    let covers = |a: &str, b: &str| {
        a.parse::<HostPattern>()
            .unwrap()
            .covers(&b.parse().unwrap())
    };
    for (a, b) in [
        ("a.test", "a.test"),
        ("a.test", "A.test:443"),
        ("*.a.test", "x.a.test"),
        ("*.a.test", "*.a.test"),
        ("*.a.test", "*.x.a.test"),
    ] {
        assert!(covers(a, b), "{a} {b}");
    }
    for (a, b) in [
        ("a.test", "x.a.test"),
        ("*.a.test", "a.test"),
        ("x.a.test", "*.a.test"),
        ("*.x.a.test", "*.a.test"),
        ("a.test", "a.test:8443"),
    ] {
        assert!(!covers(a, b), "{a} {b}");
    }
}

/// The refused addresses of the list, by name.
const REFUSED: [(&str, &[&str]); 16] = [
    (
        "private",
        &[
            "10.0.0.1",
            "10.255.255.255",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
        ],
    ),
    ("loopback", &["127.0.0.1", "127.255.255.254", "::1"]),
    ("link-local", &["169.254.0.1", "fe80::1", "febf::1"]),
    (
        "cloud metadata",
        &[
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fd00:ec2::254",
        ],
    ),
    ("shared address space", &["100.64.0.1", "100.127.255.255"]),
    ("unspecified", &["0.0.0.0", "0.1.2.3", "::"]),
    ("multicast", &["224.0.0.1", "239.255.255.255", "ff02::1"]),
    ("broadcast and reserved", &["255.255.255.255", "240.0.0.1"]),
    (
        "documentation",
        &[
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.1",
            "2001:db8::1",
            "3fff::1",
        ],
    ),
    (
        "benchmarking",
        &["198.18.0.1", "198.19.255.255", "2001:2::1"],
    ),
    ("IPv4-mapped", &["::ffff:127.0.0.1", "::ffff:8.8.8.8"]),
    ("IPv4-compatible", &["::127.0.0.1", "::8.8.8.8"]),
    (
        "NAT64",
        &["64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1"],
    ),
    (
        "6to4 and Teredo",
        &["2002:7f00:1::", "192.88.99.1", "2001::1"],
    ),
    ("unique local", &["fc00::1", "fdff::1"]),
    (
        "not routed",
        &["fec0::1", "100::1", "4000::1", "1::1", "5f00::1"],
    ),
];

#[test]
fn addresses_that_are_not_of_the_public_internet_are_refused() {
    for (kind, addresses) in REFUSED {
        for address in addresses {
            let address: IpAddr = address.parse().unwrap();
            assert!(
                matches!(permitted_address(address), Err(Refusal::Address { address: a, .. }) if a == address),
                "{kind}: {address}"
            );
        }
    }
    for address in [
        "8.8.8.8",
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.1.1",
        "223.255.255.255",
        "2606:4700::1111",
        "2a00:1450:4001::200e",
    ] {
        assert_eq!(
            permitted_address(address.parse().unwrap()),
            Ok(()),
            "{address}"
        );
    }
}

#[test]
fn a_name_with_one_refused_address_is_refused_whichever_would_be_tried_first() {
    let addresses = |list: &[&str]| {
        list.iter()
            .map(|a| a.parse().unwrap())
            .collect::<Vec<IpAddr>>()
    };
    let public: IpAddr = "8.8.8.8".parse().unwrap();
    assert_eq!(
        choose_address(&addresses(&["8.8.8.8", "1.1.1.1"]), false),
        Ok(public)
    );
    let loopback = Err(Refusal::Address {
        address: "127.0.0.1".parse().unwrap(),
        reason: "loopback",
    });
    assert_eq!(
        choose_address(&addresses(&["8.8.8.8", "127.0.0.1"]), false),
        loopback
    );
    assert_eq!(
        choose_address(&addresses(&["127.0.0.1", "8.8.8.8"]), false),
        loopback
    );
    assert_eq!(
        choose_address(&addresses(&["127.0.0.1"]), true),
        Ok("127.0.0.1".parse().unwrap())
    );
    assert_eq!(choose_address(&[], true), Err(Refusal::NoAddress));
}

/// Rebinding: the name answers with a public address when it is judged and a private one when it is used. There is no second question:
/// what was judged is what is connected to.
#[test]
fn a_name_that_answers_differently_the_second_time_gains_nothing() {
    let mut answers = ["8.8.8.8", "127.0.0.1"].into_iter();
    let mut resolve = || vec![answers.next().unwrap().parse::<IpAddr>().unwrap()];
    assert_eq!(
        choose_address(&resolve(), false).map(|a| a.to_string()),
        Ok("8.8.8.8".into())
    );
    assert!(choose_address(&resolve(), false).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_ipv4_address_hidden_in_ipv6_is_never_permitted(bits in any::<u32>()) {
        let v4 = Ipv4Addr::from_bits(bits);
        let [a, b, c, d] = v4.octets();
        let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        for hidden in [v4.to_ipv6_mapped(), Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low), Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low), Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 0)] {
            prop_assert!(permitted_address(hidden.into()).is_err());
        }
    }

    #[test]
    fn what_passes_is_https_to_a_granted_host_whatever_was_written(text in "(https?|HTTPS)?:?[/\\\\]{0,3}([a-z@:.%0-9]{0,8})(api\\.example\\.com|evil\\.test)[.:@/?#\\\\a-z0-9]{0,12}") {
        let policy = policy(&["api.example.com"]);
        if let Ok(url) = policy.check_url(&text) {
            prop_assert_eq!(url.scheme(), "https");
            prop_assert_eq!(url.host_str(), Some("api.example.com"));
            prop_assert!(url.port().is_none() && url.username().is_empty() && url.password().is_none());
            // Normalised once, it is the same for whoever reads it next.
            prop_assert_eq!(policy.check_url(url.as_str()), Ok(url.clone()));
        }
    }

    #[test]
    fn any_text_at_all_is_judged_without_panic(text in ".{0,80}") {
        let _ = policy(&["api.example.com"]).check_url(&text);
        let _ = text.parse::<HostPattern>();
    }
}
