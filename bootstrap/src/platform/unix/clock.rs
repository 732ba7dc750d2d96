//! The clock on the wall.

use std::mem::MaybeUninit;
use std::time::{SystemTime, UNIX_EPOCH};

#[expect(unsafe_code, reason = "the standard library knows no local time")]
pub(crate) fn local_now() -> Option<(u8, u16)> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let now = since.as_secs().try_into().ok()?;
    let mut broken = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: reads a number, fills the struct, and says by null that it did not.
    let local = unsafe {
        let filled = libc::localtime_r(&raw const now, broken.as_mut_ptr());
        (!filled.is_null()).then(|| broken.assume_init())?
    };
    let day = u8::try_from((local.tm_wday + 6) % 7).ok()?;
    Some((day, u16::try_from(local.tm_hour * 60 + local.tm_min).ok()?))
}
