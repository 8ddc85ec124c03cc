//! Files on their way in from visitors: how many, and how large, at once from one network to one channel. Owns the count of this process; what has
//! arrived is counted by the store.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sha2::{Digest, Sha256};

use crate::{id::ChannelId, limits::network_of};

/// From where files come, and to which channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Uploader {
    channel: ChannelId,
    network: IpAddr,
}

/// Files and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    pub files: u64,
    pub bytes: u64,
}

/// All files under way in this process.
#[derive(Default)]
pub struct Uploads(Mutex<HashMap<Uploader, Load>>);

/// A file under way, until dropped.
pub struct UnderWay {
    uploads: Arc<Uploads>,
    from: Uploader,
    bytes: u64,
}

impl Uploader {
    pub fn of(channel: ChannelId, address: IpAddr) -> Self {
        Self {
            channel,
            network: network_of(address),
        }
    }

    /// What is kept of it for a day, in place of the address. Whoever has the database could still try out all addresses.
    pub fn tag(self) -> String {
        let text = format!("{} {}", self.channel, self.network);
        hex::encode(&Sha256::digest(text)[..16])
    }
}

impl Uploads {
    /// One more of so many bytes; gives it, and what is under way with it.
    pub fn begin(self: &Arc<Self>, from: Uploader, bytes: u64) -> (UnderWay, Load) {
        let mut all = self.lock();
        let load = all.entry(from).or_default();
        load.files += 1;
        load.bytes += bytes;
        let under_way = UnderWay {
            uploads: Arc::clone(self),
            from,
            bytes,
        };
        (under_way, *load)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uploader, Load>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut all = self.uploads.lock();
        if let Some(load) = all.get_mut(&self.from) {
            load.files -= 1;
            load.bytes -= self.bytes;
            if load.files == 0 {
                all.remove(&self.from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::{Clock, Random},
        id::Ids,
    };

    #[test]
    fn what_is_under_way_counts_for_its_network_and_channel_until_it_is_over() {
        let ids = Ids::new(Clock::at(0), Random::seeded(1));
        let (one, two): (ChannelId, ChannelId) = (ids.mint(), ids.mint());
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        let uploads = Arc::new(Uploads::default());
        let here = Uploader::of(one, at("2001:db8:1:2::1"));
        let (first, load) = uploads.begin(here, 10);
        assert_eq!(
            load,
            Load {
                files: 1,
                bytes: 10
            }
        );
        // The same house; another channel; another house.
        let same = Uploader::of(one, at("2001:db8:1:2::9"));
        let (second, load) = uploads.begin(same, 5);
        assert_eq!(
            load,
            Load {
                files: 2,
                bytes: 15
            }
        );
        for other in [
            Uploader::of(two, at("2001:db8:1:2::1")),
            Uploader::of(one, at("2001:db8:1:3::1")),
        ] {
            assert_ne!(other.tag(), here.tag());
            let (_over, load) = uploads.begin(other, 1);
            assert_eq!(load, Load { files: 1, bytes: 1 });
        }
        assert_eq!(same.tag(), here.tag());
        drop((first, second));
        assert!(uploads.lock().is_empty());
    }
}
