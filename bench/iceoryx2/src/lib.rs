//! The peer iceoryx2, with the contract of bench/peer.h. Every message: publish-subscribe without overflow, the publisher waits. The
//! newest: a buffer of one, of which a newer value takes the place. A sample is loaned, filled, sent, and read where it lies. Who polls
//! receives until there is something; who sleeps waits at a listener, and every message is followed by a notification, as its
//! documentation has it.

use core::ffi::{c_char, c_void, CStr};
use iceoryx2::port::{listener::Listener, notifier::Notifier, publisher::Publisher, subscriber::Subscriber};
use iceoryx2::prelude::*;
use iceoryx2::sample::Sample;

const POLLS: u32 = 1 << 0;
const BLOCKS: u32 = 1 << 1;
const ANSWERS: u32 = 1 << 2;
const EVERY: u32 = 1 << 3;
const READERS: u32 = 1 << 4;
const NEWEST: u32 = 1 << 5;

#[repr(C)]
pub struct Job {
    name: *const c_char,
    directory: *const c_char,
    bytes: u64,
    readers: u32,
    most_waiting: u32,
    answers: bool,
    polls: bool,
    newest: bool,
}

#[repr(C)]
pub struct Peer {
    title: *const c_char,
    can: u32,
    most_bytes: u64,
    version: extern "C" fn(*mut c_char, usize),
    prepare: Option<extern "C" fn(*const Job) -> bool>,
    finish: Option<extern "C" fn(*const Job)>,
    open: extern "C" fn(*const Job, u32, bool, u32) -> *mut c_void,
    send: extern "C" fn(*mut c_void, *const u8) -> bool,
    receive: extern "C" fn(*mut c_void) -> *const u8,
    release: extern "C" fn(*mut c_void),
    close: extern "C" fn(*mut c_void),
}

unsafe impl Sync for Peer {} // its pointers lead to constants

type Service = ipc::Service;

struct End {
    bytes: usize,
    // Ports go before the node that they belong to.
    taken: Option<Sample<Service, [u8], ()>>,
    publisher: Option<Publisher<Service, [u8], ()>>,
    subscriber: Option<Subscriber<Service, [u8], ()>>,
    notifier: Option<Notifier<Service>>,
    listener: Option<Listener<Service>>,
    _node: Node<Service>,
}

fn rest() {
    std::thread::sleep(std::time::Duration::from_micros(100));
}

fn open_ports(job: &Job, link: u32, writes: bool) -> Result<End, Box<dyn core::error::Error>> {
    set_log_level(LogLevel::Error);
    let name = unsafe { CStr::from_ptr(job.name) }.to_str()?;
    let name: ServiceName = format!("{name}/{link}").as_str().try_into()?;
    let readers = if link == 0 { job.readers as usize } else { 1 };
    let waiting = if job.newest { 1 } else { job.most_waiting as usize };
    let node = NodeBuilder::new().create::<Service>()?;
    let service = node
        .service_builder(&name)
        .publish_subscribe::<[u8]>()
        .payload_alignment(Alignment::new(64).unwrap())
        .enable_safe_overflow(job.newest)
        .subscriber_max_buffer_size(waiting)
        .max_subscribers(readers)
        .max_nodes(readers + 1)
        .open_or_create()?;
    let event = if job.polls {
        None
    } else {
        let builder = node.service_builder(&name).event();
        Some(builder.max_listeners(readers).max_nodes(readers + 1).open_or_create()?)
    };
    let mut end = End {
        bytes: job.bytes as usize,
        taken: None,
        publisher: None,
        subscriber: None,
        notifier: None,
        listener: None,
        _node: node,
    };
    if writes {
        let publisher = service.publisher_builder().initial_max_slice_len(end.bytes);
        let strategy = if job.newest { BackpressureStrategy::DiscardData } else { BackpressureStrategy::RetryUntilDelivered };
        end.publisher = Some(publisher.backpressure_strategy(strategy).create()?);
        if let Some(event) = &event {
            end.notifier = Some(event.notifier_builder().create()?);
            while event.dynamic_config().number_of_listeners() < readers {
                rest();
            }
        }
        while service.dynamic_config().number_of_subscribers() < readers {
            rest();
        }
    } else {
        if let Some(event) = &event {
            end.listener = Some(event.listener_builder().create()?);
        }
        end.subscriber = Some(service.subscriber_builder().create()?);
    }
    Ok(end)
}

extern "C" fn open(job: *const Job, link: u32, writes: bool, _reader: u32) -> *mut c_void {
    match open_ports(unsafe { &*job }, link, writes) {
        Ok(end) => Box::into_raw(Box::new(end)) as *mut c_void,
        Err(failure) => {
            eprintln!("iceoryx2: {failure:?}");
            core::ptr::null_mut()
        }
    }
}

extern "C" fn send(of: *mut c_void, payload: *const u8) -> bool {
    let end = unsafe { &mut *(of as *mut End) };
    let payload = unsafe { core::slice::from_raw_parts(payload, end.bytes) };
    let publisher = end.publisher.as_ref().unwrap();
    let sent = publisher.loan_slice_uninit(end.bytes).is_ok_and(|sample| sample.write_from_slice(payload).send().is_ok());
    sent && end.notifier.as_ref().is_none_or(|notifier| notifier.notify().is_ok())
}

extern "C" fn receive(of: *mut c_void) -> *const u8 {
    let end = unsafe { &mut *(of as *mut End) };
    loop {
        match end.subscriber.as_ref().unwrap().receive() {
            Ok(Some(sample)) => {
                let data = sample.payload().as_ptr();
                end.taken = Some(sample);
                return data;
            }
            Ok(None) => {}
            Err(failure) => {
                eprintln!("iceoryx2: {failure:?}");
                return core::ptr::null();
            }
        }
        match &end.listener {
            Some(listener) if listener.blocking_wait(|_| {}).is_err() => return core::ptr::null(),
            Some(_) => {}
            None => core::hint::spin_loop(),
        }
    }
}

extern "C" fn release(of: *mut c_void) {
    unsafe { &mut *(of as *mut End) }.taken = None;
}

extern "C" fn close(of: *mut c_void) {
    drop(unsafe { Box::from_raw(of as *mut End) });
}

extern "C" fn version(text: *mut c_char, size: usize) {
    let known = c"0.10.0".to_bytes_with_nul(); // Cargo.toml asks for exactly this one
    let count = known.len().min(size);
    unsafe { core::ptr::copy_nonoverlapping(known.as_ptr() as *const c_char, text, count) };
}

#[no_mangle]
#[allow(non_upper_case_globals)]
pub static bench_peer: Peer = Peer {
    title: c"iceoryx2".as_ptr(),
    can: POLLS | BLOCKS | ANSWERS | EVERY | READERS | NEWEST,
    most_bytes: 0,
    version,
    prepare: None,
    finish: None,
    open,
    send,
    receive,
    release,
    close,
};
