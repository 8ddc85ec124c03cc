//! How often the outside may knock: attempts to sign in, webhooks, visitors. Owns the counters of this process; what the answer looks like is the API's.

use std::{hash::Hash, net::IpAddr};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};

use crate::{config::Limits, id::ChannelId, user::Email};

/// The server's rate limits.
pub struct RateLimits {
    sign_in_address: DefaultKeyedRateLimiter<IpAddr>,
    sign_in_email: DefaultKeyedRateLimiter<Email>,
    hooks: DefaultKeyedRateLimiter<ChannelId>,
    visits: DefaultKeyedRateLimiter<IpAddr>,
    uploads: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl RateLimits {
    pub fn new(limits: &Limits) -> Self {
        Self {
            sign_in_address: RateLimiter::keyed(Quota::per_minute(limits.sign_in_per_address)),
            sign_in_email: RateLimiter::keyed(Quota::per_minute(limits.sign_in_per_email)),
            hooks: RateLimiter::keyed(Quota::per_second(limits.hooks_per_second)),
            visits: RateLimiter::keyed(Quota::per_minute(limits.visits_per_address)),
            uploads: RateLimiter::keyed(Quota::per_minute(limits.uploads_per_address)),
            clock: DefaultClock::default(),
        }
    }

    /// Counts an attempt to sign in; an error is the seconds to wait.
    pub fn sign_in(&self, address: IpAddr, email: Option<&Email>) -> Result<(), u64> {
        self.check(&self.sign_in_address, &network_of(address))?;
        match email {
            Some(email) => self.check(&self.sign_in_email, email),
            None => Ok(()),
        }
    }

    /// Counts a webhook of a channel; an error is the seconds to wait.
    pub fn hook(&self, channel: &ChannelId) -> Result<(), u64> {
        self.check(&self.hooks, channel)
    }

    /// Counts a request of a visitor; an error is the seconds to wait.
    pub fn visit(&self, address: IpAddr) -> Result<(), u64> {
        self.check(&self.visits, &network_of(address))
    }

    /// Counts a file of a visitor; an error is the seconds to wait.
    pub fn upload(&self, address: IpAddr) -> Result<(), u64> {
        self.check(&self.uploads, &network_of(address))
    }

    /// Forgets who has not been here for long.
    pub fn forget_old(&self) {
        self.sign_in_address.retain_recent();
        self.sign_in_email.retain_recent();
        self.hooks.retain_recent();
        self.visits.retain_recent();
        self.uploads.retain_recent();
    }

    fn check<K: Hash + Eq + Clone>(
        &self,
        limiter: &DefaultKeyedRateLimiter<K>,
        key: &K,
    ) -> Result<(), u64> {
        limiter
            .check_key(key)
            .map_err(|refused| refused.wait_time_from(self.clock.now()).as_secs() + 1)
    }
}

/// One IPv6 customer holds a whole /64; counting single addresses would count nothing.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.into(),
            None => (v6.to_bits() & (u128::MAX << 64)).to_be_bytes().into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn an_address_and_an_email_are_each_limited_with_the_seconds_to_wait() {
        let limits = RateLimits::new(&Limits {
            sign_in_per_address: NonZeroU32::new(3).unwrap(),
            sign_in_per_email: NonZeroU32::new(2).unwrap(),
            ..Limits::default()
        });
        let here: IpAddr = "192.0.2.1".parse().unwrap();
        let there: IpAddr = "192.0.2.2".parse().unwrap();
        let email = Email::parse("a@b.test").unwrap();
        assert!(limits.sign_in(here, Some(&email)).is_ok());
        assert!(limits.sign_in(here, Some(&email)).is_ok());
        let wait = limits.sign_in(there, Some(&email)).unwrap_err();
        assert!((1..=60).contains(&wait), "{wait}");
        assert!(limits.sign_in(here, None).is_ok());
        assert!(limits.sign_in(here, None).is_err());
        assert!(limits.sign_in(there, None).is_ok());
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one() {
        let of = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
