//! Pushes: a client that has the bytes sends only what is missing; one that has not gets nothing.

use bytes::Bytes;
use imprint_model::{ChunkId, Status};

use super::{create, download, noise, raw};
use crate::testing::{World, caller};
use crate::{Error, Field, ProvenChunk, possession_key, prove_possession};

fn cut(data: &[u8], key: &[u8; 32]) -> Vec<ProvenChunk> {
    let parts = data.chunks(32 * 1024).enumerate();
    parts
        .map(|(index, part)| ProvenChunk {
            offset: (index * 32 * 1024) as u64,
            len: u32::try_from(part.len()).expect("short"),
            id: ChunkId(*blake3::hash(part).as_bytes()),
            proof: prove_possession(key, part),
        })
        .collect()
}

#[tokio::test]
async fn only_missing_chunks_are_sent_and_the_disk_is_whole() {
    let (world, me) = (World::new(), caller("p", "member"));
    let data = noise(73 * 4096, 7);
    let id = create(&world, &me, raw()).await.id;
    let chunks = cut(&data, &possession_key(id));
    let ids: Vec<ChunkId> = chunks.iter().map(|chunk| chunk.id).collect();
    let missing = world.service.missing_chunks(&me, id, ids.clone()).await.expect("asked");
    assert_eq!(missing, ids);
    let early = world.service.push_content(&me, id, data.len() as u64, chunks.clone()).await;
    assert!(matches!(early, Err(Error::Incomplete(_))), "{early:?}");
    let bytes = data.chunks(32 * 1024).map(Bytes::copy_from_slice).collect();
    assert_eq!(world.service.put_chunks(&me, id, bytes).await.expect("sent"), ids);
    // with a hole behind the data
    let size = data.len() as u64 + 5_000_000;
    let image = world.service.push_content(&me, id, size, chunks).await.expect("pushed");
    assert_eq!((image.status, image.size_bytes()), (Status::Available, Some(size)));
    let whole = download(&world, &me, id).await.expect("bytes");
    assert!(whole.len() as u64 == size && whole[..data.len()] == data && whole[data.len()..].iter().all(|&b| b == 0));
    let missing = world.service.missing_chunks(&me, id, ids).await.expect("asked");
    assert_eq!(missing, []);
}

#[tokio::test]
async fn knowing_a_name_is_not_having_the_bytes() {
    let (world, me, thief) = (World::new(), caller("p", "member"), caller("thief", "member"));
    let data = noise(32 * 1024, 8);
    let mine = create(&world, &me, raw()).await.id;
    world.service.put_chunks(&me, mine, vec![Bytes::from(data.clone())]).await.expect("sent");
    let theirs = create(&world, &thief, raw()).await.id;
    // the owner's own proof is of no use for another image
    let stolen = cut(&data, &possession_key(mine));
    let refused = world.service.push_content(&thief, theirs, data.len() as u64, stolen).await;
    assert!(matches!(refused, Err(Error::Incomplete(_))), "{refused:?}");
    let after = world.service.show_image(&thief, theirs).await.expect("shown");
    assert_eq!((after.status, after.size_bytes()), (Status::Queued, None));
}

#[tokio::test]
async fn a_disk_of_nothing_but_hole_is_not_put_together() {
    let (world, me) = (World::new(), caller("p", "member"));
    let id = create(&world, &me, raw()).await.id;
    let refused = world.service.push_content(&me, id, 1 << 40, vec![]).await;
    assert!(matches!(refused, Err(Error::Invalid { field: Field::Data, .. })), "{refused:?}");
}
