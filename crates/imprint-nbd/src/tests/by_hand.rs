//! Messages as bytes: what a client may say and the server must answer.

use std::time::Duration;

use bytes::BufMut;
use imprint_disk::{ReadAt, RunKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::{NAME, Patchy, PretendTls, run, serving, serving_beside, serving_with};
use crate::wire::{self, Fields, REQUEST_BYTES, Request, chunk, command, flag, option, reply};
use crate::{ALLOCATION, Error, Limits, Shared};

/// Greets as a client that knows everything.
async fn greet(stream: &mut DuplexStream, flags: u32) {
    let mut greeting = [0; 18];
    stream.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting[..16], b"NBDMAGICIHAVEOPT");
    stream.write_u32(flags).await.unwrap();
}

/// Sends an option; its replies as types and payloads, up to the last.
async fn ask(stream: &mut DuplexStream, option: u32, payload: &[u8]) -> Vec<(u32, Vec<u8>)> {
    stream.write_all(&wire::option(option, payload)).await.unwrap();
    let mut replies = Vec::new();
    loop {
        assert_eq!(stream.read_u64().await.unwrap(), wire::OPTION_REPLY_MAGIC);
        assert_eq!(stream.read_u32().await.unwrap(), option);
        let kind = stream.read_u32().await.unwrap();
        let mut payload = vec![0; stream.read_u32().await.unwrap() as usize];
        stream.read_exact(&mut payload).await.unwrap();
        replies.push((kind, payload));
        if kind == reply::ACK || kind & reply::ERROR != 0 {
            return replies;
        }
    }
}

async fn ask_kind(stream: &mut DuplexStream, option: u32, payload: &[u8]) -> u32 {
    ask(stream, option, payload).await.pop().unwrap().0
}

fn named(name: &str) -> Vec<u8> {
    let mut payload = Vec::new();
    wire::put_text(&mut payload, name);
    payload.put_u16(0);
    payload
}

fn contexts(name: &str, queries: &[&str]) -> Vec<u8> {
    let mut payload = Vec::new();
    wire::put_text(&mut payload, name);
    payload.put_u32(u32::try_from(queries.len()).unwrap());
    queries.iter().for_each(|query| wire::put_text(&mut payload, query));
    payload
}

async fn send(stream: &mut DuplexStream, command: u16, flags: u16, offset: u64, len: u32) {
    let request = Request { flags, command, cookie: 77, offset, len };
    stream.write_all(&request.encode()).await.unwrap();
}

/// The next chunk: flags, type, payload.
async fn next_chunk(stream: &mut DuplexStream) -> (u16, u16, Vec<u8>) {
    assert_eq!(stream.read_u32().await.unwrap(), wire::CHUNK_MAGIC);
    let (flags, kind) = (stream.read_u16().await.unwrap(), stream.read_u16().await.unwrap());
    assert_eq!(stream.read_u64().await.unwrap(), 77);
    let mut payload = vec![0; stream.read_u32().await.unwrap() as usize];
    stream.read_exact(&mut payload).await.unwrap();
    (flags, kind, payload)
}

fn error_of(payload: &[u8]) -> u32 {
    Fields(payload).u32().unwrap()
}

fn disk() -> Patchy {
    Patchy(vec![(RunKind::Data, 10_000), (RunKind::Hole, 20_000), (RunKind::Data, 10_000)])
}

/// A connection with structured replies and the allocation context.
async fn connected() -> DuplexStream {
    let (mut stream, _) = serving(disk());
    greet(&mut stream, 3).await;
    assert_eq!(ask_kind(&mut stream, option::STRUCTURED_REPLY, &[]).await, reply::ACK);
    let chosen = ask(&mut stream, option::SET_META_CONTEXT, &contexts(NAME, &[ALLOCATION, "qemu:x"])).await;
    assert_eq!(chosen.len(), 2);
    assert_eq!(ask_kind(&mut stream, option::GO, &named(NAME)).await, reply::ACK);
    stream
}

#[test]
fn the_old_way_pads_with_zeros_and_answers_simply() {
    run(async {
        for (flags, padding) in [(1, 124), (3, 0)] {
            let (mut stream, served) = serving(disk());
            greet(&mut stream, flags).await;
            stream.write_all(&wire::option(option::EXPORT_NAME, NAME.as_bytes())).await.unwrap();
            assert_eq!(stream.read_u64().await.unwrap(), 40_000);
            let flags = stream.read_u16().await.unwrap();
            assert_eq!(
                flags,
                flag::HAS_FLAGS | flag::READ_ONLY | flag::CAN_MULTI_CONN | flag::SEND_CACHE,
                "no DF without structured replies"
            );
            let mut zeros = vec![1; padding];
            stream.read_exact(&mut zeros).await.unwrap();
            assert!(zeros.iter().all(|&byte| byte == 0));
            send(&mut stream, command::READ, 0, 9_999, 2).await;
            assert_eq!(stream.read_u32().await.unwrap(), wire::SIMPLE_REPLY_MAGIC);
            assert_eq!(stream.read_u32().await.unwrap(), 0);
            assert_eq!(stream.read_u64().await.unwrap(), 77);
            assert_eq!(stream.read_u16().await.unwrap().to_be_bytes(), [disk().bytes()[9_999], 0]);
            send(&mut stream, command::BLOCK_STATUS, 0, 0, 10).await;
            assert_eq!(stream.read_u32().await.unwrap(), wire::SIMPLE_REPLY_MAGIC);
            assert_eq!(stream.read_u32().await.unwrap(), 22);
            assert_eq!(stream.read_u64().await.unwrap(), 77);
            send(&mut stream, command::DISC, 0, 0, 0).await;
            served.await.unwrap().unwrap();
        }
    });
}

#[test]
fn options_are_answered_as_the_protocol_says() {
    run(async {
        let (mut stream, served) = serving(disk());
        greet(&mut stream, 3).await;
        assert_eq!(ask(&mut stream, option::LIST, &[]).await, [(reply::ACK, vec![])], "names are secrets");
        assert_eq!(ask_kind(&mut stream, option::LIST, b"x").await, reply::INVALID);
        assert_eq!(ask_kind(&mut stream, 4, &[]).await, reply::UNSUPPORTED);
        assert_eq!(ask_kind(&mut stream, option::STARTTLS, &[]).await, reply::UNSUPPORTED);
        assert_eq!(ask_kind(&mut stream, option::GO, &named("other")).await, reply::UNKNOWN);
        assert_eq!(ask_kind(&mut stream, option::GO, &[0, 0, 0, 200, 1]).await, reply::INVALID);
        assert_eq!(ask_kind(&mut stream, option::GO, &vec![0; 70_000]).await, reply::TOO_BIG);
        let early = contexts(NAME, &[ALLOCATION]);
        assert_eq!(ask_kind(&mut stream, option::SET_META_CONTEXT, &early).await, reply::INVALID);
        let listed = ask(&mut stream, option::LIST_META_CONTEXT, &contexts(NAME, &[])).await;
        assert_eq!(&listed[0].1[4..], ALLOCATION.as_bytes());
        let mut sized = named(NAME);
        sized.truncate(sized.len() - 2);
        sized.put_u16(1);
        sized.put_u16(wire::info::BLOCK_SIZE);
        let told = ask(&mut stream, option::INFO, &sized).await;
        assert_eq!(told.len(), 3);
        assert_eq!(told[0].1[2..10], 40_000_u64.to_be_bytes());
        assert_eq!(told[1].1[..6], [0, 3, 0, 0, 0, 1]);
        assert_eq!(ask_kind(&mut stream, option::ABORT, &[]).await, reply::ACK);
        served.await.unwrap().unwrap();
    });
}

#[test]
fn holes_come_as_holes_unless_one_piece_is_wanted() {
    run(async {
        let mut stream = connected().await;
        send(&mut stream, command::READ, 0, 5_000, 30_000).await;
        let pieces = [next_chunk(&mut stream).await, next_chunk(&mut stream).await, next_chunk(&mut stream).await];
        let kinds = pieces.each_ref().map(|(flags, kind, payload)| (*flags, *kind, payload.len()));
        let (data, hole) = (chunk::OFFSET_DATA, chunk::OFFSET_HOLE);
        assert_eq!(kinds, [(0, data, 5_008), (0, hole, 12), (chunk::DONE, data, 5_008)]);
        send(&mut stream, command::READ, command::FLAG_DF, 5_000, 30_000).await;
        let (flags, kind, payload) = next_chunk(&mut stream).await;
        assert_eq!((flags, kind), (chunk::DONE, data));
        assert!(payload[8..] == disk().bytes()[5_000..35_000]);
    });
}

#[test]
fn one_extent_when_only_one_is_wanted() {
    run(async {
        let mut stream = connected().await;
        send(&mut stream, command::BLOCK_STATUS, command::FLAG_REQ_ONE, 0, 40_000).await;
        assert_eq!(next_chunk(&mut stream).await.2.len(), 4 + 8);
        send(&mut stream, command::BLOCK_STATUS, 0, 0, 40_000).await;
        assert_eq!(next_chunk(&mut stream).await.2.len(), 4 + 3 * 8);
    });
}

#[test]
fn what_writes_is_refused_and_what_it_carries_is_read_past() {
    run(async {
        let mut stream = connected().await;
        send(&mut stream, command::WRITE, 0, 0, 1000).await;
        stream.write_all(&[9; 1000]).await.unwrap();
        for refused in [command::TRIM, command::WRITE_ZEROES, command::FLUSH] {
            send(&mut stream, refused, 0, 0, 512).await;
        }
        for _ in 0..4 {
            let (flags, kind, payload) = next_chunk(&mut stream).await;
            assert_eq!((flags, kind, error_of(&payload)), (chunk::DONE, chunk::ERROR, 1));
        }
    });
}

#[test]
fn bad_requests_are_refused_and_the_next_is_answered() {
    run(async {
        let mut stream = connected().await;
        for (command, flags, offset, len) in [
            (command::READ, 0, 39_999, 2),
            (command::READ, 0, u64::MAX, 2),
            (command::READ, 0, 0, u32::MAX),
            (command::READ, 1, 0, 1),
            (command::BLOCK_STATUS, 0, 0, 0),
            (command::BLOCK_STATUS, 0, 40_000, 1),
            (99, 0, 0, 0),
        ] {
            send(&mut stream, command, flags, offset, len).await;
            let (flags, kind, payload) = next_chunk(&mut stream).await;
            assert_eq!((flags, kind, error_of(&payload)), (chunk::DONE, chunk::ERROR, 22), "command {command}");
        }
        for command in [command::CACHE, command::READ] {
            send(&mut stream, command, 0, 0, 0).await;
            assert_eq!(next_chunk(&mut stream).await, (chunk::DONE, chunk::NONE, vec![]));
        }
        send(&mut stream, command::CACHE, 0, 0, 40_000).await;
        assert_eq!(next_chunk(&mut stream).await, (chunk::DONE, chunk::NONE, vec![]));
    });
}

#[test]
fn contexts_count_for_the_export_they_were_chosen_for() {
    run(async {
        let (mut stream, _) = serving(disk());
        greet(&mut stream, 3).await;
        ask(&mut stream, option::STRUCTURED_REPLY, &[]).await;
        ask(&mut stream, option::SET_META_CONTEXT, &contexts(NAME, &[ALLOCATION])).await;
        let none = ask(&mut stream, option::SET_META_CONTEXT, &contexts("other", &[ALLOCATION])).await;
        assert_eq!(none[0].0, reply::UNKNOWN);
        ask(&mut stream, option::GO, &named(NAME)).await;
        send(&mut stream, command::BLOCK_STATUS, 0, 0, 10).await;
        assert_eq!(error_of(&next_chunk(&mut stream).await.2), 22, "the second choice forgot the first");
    });
}

#[test]
fn requests_overtake_one_that_waits() {
    /// Reads of the first bytes wait until others were answered.
    struct Slow(std::sync::Mutex<std::sync::mpsc::Receiver<()>>);
    impl ReadAt for Slow {
        fn size_bytes(&self) -> u64 {
            4096
        }
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
            if offset == 0 {
                self.0.lock().unwrap().recv().unwrap();
            }
            buf.fill(1);
            Ok(())
        }
    }
    run(async {
        let (go_on, waits) = std::sync::mpsc::channel();
        let (mut stream, _) = serving(Slow(std::sync::Mutex::new(waits)));
        greet(&mut stream, 3).await;
        ask(&mut stream, option::STRUCTURED_REPLY, &[]).await;
        ask(&mut stream, option::GO, &named(NAME)).await;
        send(&mut stream, command::READ, 0, 0, 1).await;
        send(&mut stream, command::READ, 0, 1024, 1).await;
        assert_eq!(next_chunk(&mut stream).await.2[..8], 1024_u64.to_be_bytes());
        go_on.send(()).unwrap();
        assert_eq!(next_chunk(&mut stream).await.2[..8], 0_u64.to_be_bytes());
    });
}

#[test]
fn nothing_is_told_before_tls_and_nothing_agreed_before_it_counts() {
    run(async {
        let (mut stream, _) = serving_with(disk(), Some(PretendTls), Limits::default());
        greet(&mut stream, 3).await;
        for option in [option::LIST, option::INFO, option::GO, option::STRUCTURED_REPLY, 99] {
            assert_eq!(ask_kind(&mut stream, option, &named(NAME)).await, reply::TLS_REQUIRED, "option {option}");
        }
        assert_eq!(ask_kind(&mut stream, option::STARTTLS, &[]).await, reply::ACK);
        stream.write_u8(b'T').await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'T');
        assert_eq!(ask_kind(&mut stream, option::STARTTLS, &[]).await, reply::INVALID);
        assert_eq!(ask_kind(&mut stream, option::GO, &named(NAME)).await, reply::ACK);

        let (mut stream, served) = serving_with(disk(), Some(PretendTls), Limits::default());
        greet(&mut stream, 3).await;
        stream.write_all(&wire::option(option::EXPORT_NAME, NAME.as_bytes())).await.unwrap();
        assert!(matches!(served.await.unwrap(), Err(Error::Protocol(_))));
    });
}

#[test]
fn a_silent_client_is_left() {
    run(async {
        let limits = Limits { handshake: Duration::ZERO, ..Limits::default() };
        let (mut stream, served) = serving_with(disk(), None, limits);
        assert!(matches!(served.await.unwrap(), Err(Error::Silent)));
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert!(rest.len() <= 18);
    });
}

#[test]
fn who_does_not_take_an_answer_is_left_and_what_it_held_is_free_for_others() {
    run(async {
        let shared = Shared::new(30_000);
        let limits = Limits { answer: Duration::from_millis(300), ..Limits::default() };
        let beside = || serving_beside(disk(), None, limits, shared.clone());
        let ((mut deaf, left), (mut other, _served)) = (beside(), beside());
        for stream in [&mut deaf, &mut other] {
            greet(stream, 3).await;
            assert_eq!(ask_kind(stream, option::GO, &named(NAME)).await, reply::ACK);
        }
        // more than fits into the pipe, and all that connections may hold together
        send(&mut deaf, command::READ, 0, 0, 30_000).await;
        assert_eq!(deaf.read_u32().await.unwrap(), wire::SIMPLE_REPLY_MAGIC);
        send(&mut other, command::READ, 0, 0, 1).await;
        let waits = tokio::time::timeout(Duration::from_millis(50), other.read_u32()).await;
        assert!(waits.is_err(), "nothing is free yet");
        assert!(matches!(left.await.unwrap(), Err(Error::Silent)));
        assert_eq!(other.read_u32().await.unwrap(), wire::SIMPLE_REPLY_MAGIC);
    });
}

#[test]
fn requests_are_as_long_as_the_protocol_says() {
    let request = Request { flags: 1, command: 2, cookie: 3, offset: 4, len: 5 };
    let bytes: [u8; REQUEST_BYTES] = request.encode().try_into().unwrap();
    assert_eq!(Request::decode(&bytes), Some(request));
    assert_eq!(Request::decode(&[0; REQUEST_BYTES]), None);
}
