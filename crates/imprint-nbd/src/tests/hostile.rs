//! Bytes that nobody should send: neither side panics, hangs, or takes memory for what is only claimed.

use bytes::BufMut;
use imprint_disk::RunKind;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{NAME, Patchy, run, serving};
use crate::wire::{self, REQUEST_BYTES, Request, chunk, option, reply};
use crate::{ALLOCATION, Client, Error};

/// Messages of a client, some of them broken.
fn messages() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        Just(b"\0\0\0\x04disk\0\0".to_vec()),
        Just(b"\0\0\0\x04disk\0\0\0\x01\0\0\0\x0fbase:allocation".to_vec()),
        prop::collection::vec(any::<u8>(), 0..64),
    ];
    let option = (0_u32..12, payload).prop_map(|(option, payload)| wire::option(option, &payload));
    let request = (0_u16..9, 0_u16..16, 0_u64..120_000, 0_u32..120_000)
        .prop_map(|(command, flags, offset, len)| Request { flags, command, cookie: 1, offset, len }.encode());
    let noise = prop::collection::vec(any::<u8>(), 0..REQUEST_BYTES);
    let message = prop_oneof![8 => option, 8 => request, 1 => noise];
    prop::collection::vec(message, 0..24).prop_map(|messages| messages.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_server_ends_whatever_it_is_sent(messages in messages(), flags in 0_u32..4) {
        run(async {
            let (stream, served) = serving(Patchy(vec![(RunKind::Data, 60_000), (RunKind::Hole, 60_000)]));
            let (mut reader, mut writer) = tokio::io::split(stream);
            let sink = tokio::spawn(async move { tokio::io::copy(&mut reader, &mut tokio::io::sink()).await });
            // the server may have hung up
            let _ = writer.write_u32(flags).await;
            let _ = writer.write_all(&messages).await;
            let _ = writer.shutdown().await;
            let ended = served.await.expect("no panic");
            let allowed = ended.is_ok() || matches!(ended, Err(Error::Protocol(_) | Error::Io { .. }));
            prop_assert!(allowed, "{:?}", ended);
            drop(writer);
            drop(sink.await);
            Ok(())
        })?;
    }
}

/// A server that shakes hands properly, then answers every request with these bytes. One context, number 1.
async fn answered_with(answer: Vec<u8>) -> Client {
    let (ours, mut theirs) = tokio::io::duplex(1 << 16);
    tokio::spawn(async move {
        let mut greeting = Vec::new();
        greeting.put_u64(wire::GREETING);
        greeting.put_u64(wire::OPTION_MAGIC);
        greeting.put_u16(3);
        theirs.write_all(&greeting).await?;
        theirs.read_u32().await?;
        loop {
            theirs.read_u64().await?;
            let option = theirs.read_u32().await?;
            let mut payload = vec![0; theirs.read_u32().await? as usize];
            theirs.read_exact(&mut payload).await?;
            let mut told = Vec::new();
            let kind = match option {
                option::SET_META_CONTEXT => {
                    (told.put_u32(1), told.put_slice(ALLOCATION.as_bytes()), reply::META_CONTEXT).2
                }
                _ => (told.put_u16(0), told.put_u64(1 << 20), told.put_u16(3), reply::INFO).3,
            };
            if option != option::STRUCTURED_REPLY {
                theirs.write_all(&wire::option_reply(option, kind, &told)).await?;
            }
            theirs.write_all(&wire::option_reply(option, reply::ACK, &[])).await?;
            if option == option::GO {
                break;
            }
        }
        let mut request = [0; REQUEST_BYTES];
        theirs.read_exact(&mut request).await?;
        theirs.write_all(&answer).await
    });
    Client::over(ours, NAME, &[ALLOCATION]).await.unwrap()
}

fn chunk(flags: u16, kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    wire::Chunk { flags, kind, cookie: 1, len: u32::try_from(payload.len()).unwrap() }.put(&mut bytes);
    bytes.put_slice(payload);
    bytes
}

fn hole(offset: u64, len: u32) -> Vec<u8> {
    let mut payload = offset.to_be_bytes().to_vec();
    payload.put_u32(len);
    chunk(0, chunk::OFFSET_HOLE, &payload)
}

fn done() -> Vec<u8> {
    chunk(chunk::DONE, chunk::NONE, &[])
}

#[test]
fn answers_that_lie_are_found_out() {
    let lies: Vec<(&str, Vec<u8>)> = vec![
        ("leaves bytes out", [hole(100, 50), done()].concat()),
        ("tells bytes twice", [hole(100, 100), hole(150, 10), done()].concat()),
        ("begins before the range", [hole(90, 100), done()].concat()),
        ("ends after the range", [hole(100, 101), done()].concat()),
        ("overflows", [hole(u64::MAX, u32::MAX), done()].concat()),
        ("empty hole", [hole(100, 0), hole(100, 100), done()].concat()),
        ("data without bytes", chunk(chunk::DONE, chunk::OFFSET_DATA, &100_u64.to_be_bytes())),
        ("status of a read", chunk(chunk::DONE, chunk::BLOCK_STATUS, &[0; 12])),
        ("error without a number", chunk(chunk::DONE, chunk::ERROR, &[0; 6])),
        ("error whose text is cut off", chunk(chunk::DONE, chunk::ERROR, &[0, 0, 0, 5, 0, 9])),
        ("another magic", vec![7; 64]),
        ("nothing", vec![]),
    ];
    run(async {
        for (what, lie) in lies {
            let mut client = answered_with(lie).await;
            let read = client.read(100, 100).await;
            assert!(matches!(read, Err(Error::Protocol(_) | Error::Io { .. })), "{what}: {read:?}");
            assert!(matches!(client.read(0, 1).await, Err(Error::Protocol(_))), "{what}: out of step");
        }
    });
}

#[test]
fn claims_are_not_believed_before_their_bytes_are_there() {
    run(async {
        let mut claim = Vec::new();
        wire::Chunk { flags: 1, kind: chunk::BLOCK_STATUS, cookie: 1, len: u32::MAX - 3 }.put(&mut claim);
        assert!(matches!(answered_with(claim).await.block_status(0, 100).await, Err(Error::Protocol(_))));
        let mut claim = Vec::new();
        wire::Chunk { flags: 1, kind: chunk::ERROR, cookie: 1, len: u32::MAX }.put(&mut claim);
        assert!(matches!(answered_with(claim).await.read(0, 100).await, Err(Error::Protocol(_))));
    });
}

#[test]
fn statuses_are_cut_off_at_the_range() {
    run(async {
        let mut payload = vec![0, 0, 0, 1];
        for (len, flags) in [(40_u32, 0_u32), (1_000_000, 3)] {
            payload.put_u32(len);
            payload.put_u32(flags);
        }
        let mut client = answered_with(chunk(chunk::DONE, chunk::BLOCK_STATUS, &payload)).await;
        let told = client.block_status(0, 100).await.unwrap();
        let extents: Vec<_> = told[0].extents.iter().map(|extent| (extent.len, extent.flags)).collect();
        assert_eq!(extents, [(40, 0), (60, 3)]);
        payload[3] = 9;
        let mut client = answered_with(chunk(chunk::DONE, chunk::BLOCK_STATUS, &payload)).await;
        assert!(client.block_status(0, 100).await.is_err(), "a context nobody asked for");
        let mut client = answered_with(done()).await;
        assert!(client.block_status(0, 100).await.is_err(), "a context that says nothing");
    });
}

#[test]
fn errors_carry_their_text() {
    run(async {
        let mut payload = vec![0, 0, 0, 28, 0, 4];
        payload.put_slice(b"full");
        let mut client = answered_with(chunk(chunk::DONE, chunk::ERROR, &payload)).await;
        match client.read(0, 100).await {
            Err(Error::Answered { code: 28, text }) => assert_eq!(text, "full"),
            other => panic!("{other:?}"),
        }
    });
}
