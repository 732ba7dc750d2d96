//! The graphics adapters that DXGI lists: those that are there, also for a service
//! (Microsoft's "DXGI Overview"; reference/gpu.md 3.2). Of its objects only the three
//! methods that are called have a name here.

use std::ffi::c_void;
use std::ptr::{NonNull, null_mut};

use serde_json::{Value, json};
use windows_sys::core::{GUID, HRESULT};

use super::library::Library;

/// More than any machine has.
const MAX_ADAPTERS: u32 = 64;
const IID_FACTORY1: GUID = GUID::from_u128(0x770a_ae78_f26f_4dba_a829_253c_83d1_b387);
/// `DXGI_ERROR_NOT_FOUND`: there are no more.
const NOT_FOUND: HRESULT = 0x887a_0002_u32 as HRESULT;
/// `DXGI_ADAPTER_FLAG_SOFTWARE`
const SOFTWARE: u32 = 2;

type Create = unsafe extern "system" fn(*const GUID, *mut *mut c_void) -> HRESULT;
type Release = unsafe extern "system" fn(*mut c_void) -> u32;

/// What every object has: a pointer to the table of its methods first.
#[repr(C)]
struct Object<M> {
    methods: *const M,
}

/// `IDXGIFactory1`
#[repr(C)]
struct Factory {
    _query: [usize; 2],
    release: Release,
    _others: [usize; 9],
    enum_adapters1:
        unsafe extern "system" fn(*mut c_void, u32, *mut *mut Object<Adapter>) -> HRESULT,
}

/// `IDXGIAdapter1`
#[repr(C)]
struct Adapter {
    _query: [usize; 2],
    release: Release,
    _others: [usize; 7],
    get_desc1: unsafe extern "system" fn(*mut c_void, *mut Description) -> HRESULT,
}

/// `DXGI_ADAPTER_DESC1`
#[repr(C)]
struct Description {
    name: [u16; 128],
    vendor: u32,
    device: u32,
    subsystem: u32,
    revision: u32,
    dedicated: usize,
    dedicated_system: usize,
    shared: usize,
    luid: [u32; 2],
    flags: u32,
}

/// A reference to an object that is ours to give back.
struct Held<M> {
    object: NonNull<Object<M>>,
    release: fn(&M) -> Release,
}

impl<M> Held<M> {
    fn this(&self) -> *mut c_void {
        self.object.as_ptr().cast()
    }

    #[expect(unsafe_code, reason = "an object of a system library")]
    fn methods(&self) -> &M {
        // SAFETY: the object lives as long as we hold it, and its table as long as that.
        unsafe { &*self.object.as_ref().methods }
    }
}

impl<M> Drop for Held<M> {
    #[expect(unsafe_code, reason = "an object of a system library")]
    fn drop(&mut self) {
        let release = (self.release)(self.methods());
        // SAFETY: it is given back once, and not used afterwards.
        unsafe { release(self.this()) };
    }
}

/// `dxgi` of `windows.json`: every adapter once. `None` where one of the answers was
/// an error, because half a list would hide a card.
pub(super) fn adapters() -> Option<Value> {
    let factory = factory()?;
    let mut found: Vec<Description> = Vec::new();
    for index in 0..MAX_ADAPTERS {
        let Some(adapter) = adapter(&factory, index)? else { break };
        let new = describe(&adapter)?;
        // With two GPUs, one may be listed for each place where its pictures go.
        if !found.iter().any(|known| known.luid == new.luid) {
            found.push(new);
        }
    }
    Some(found.iter().map(Description::json).collect())
}

#[expect(unsafe_code, reason = "a function of a system library")]
fn factory() -> Option<Held<Factory>> {
    let create = Library::load("dxgi.dll")?.function(c"CreateDXGIFactory1")?;
    let mut object: *mut c_void = null_mut();
    // SAFETY: this is what a function of this name takes; the pointer outlives the call.
    let done = unsafe {
        let create: Create = std::mem::transmute(create);
        create(&IID_FACTORY1, &raw mut object)
    };
    let object = NonNull::new(object.cast()).filter(|_| done >= 0)?;
    Some(Held { object, release: |methods: &Factory| methods.release })
}

/// Inside: none when there are no more.
#[expect(unsafe_code, reason = "an object of a system library")]
fn adapter(factory: &Held<Factory>, index: u32) -> Option<Option<Held<Adapter>>> {
    let mut object: *mut Object<Adapter> = null_mut();
    // SAFETY: the object is held, and the pointer outlives the call.
    let done =
        unsafe { (factory.methods().enum_adapters1)(factory.this(), index, &raw mut object) };
    if done == NOT_FOUND {
        return Some(None);
    }
    let object = NonNull::new(object).filter(|_| done >= 0)?;
    Some(Some(Held { object, release: |methods: &Adapter| methods.release }))
}

#[expect(unsafe_code, reason = "an object of a system library")]
fn describe(adapter: &Held<Adapter>) -> Option<Description> {
    // SAFETY: plain numbers, for which zero is a value.
    let mut description: Description = unsafe { std::mem::zeroed() };
    // SAFETY: the object is held; the description is of its size and outlives the call.
    let done = unsafe { (adapter.methods().get_desc1)(adapter.this(), &raw mut description) };
    (done >= 0).then_some(description)
}

impl Description {
    fn json(&self) -> Value {
        let length = self.name.iter().position(|unit| *unit == 0).unwrap_or(self.name.len());
        json!({
            "vendor_id": self.vendor,
            "device_id": self.device,
            "description": String::from_utf16_lossy(&self.name[..length]),
            "dedicated_bytes": self.dedicated,
            "software": self.flags & SOFTWARE != 0,
        })
    }
}
