//! A push as the command line does it: ask, send, describe.

use super::*;
use crate::frames;
use imprint_model::ChunkId;
use imprint_service::{ProvenChunk, possession_key, prove_possession};

const CHUNK: usize = 4096;

fn proven(image: ImageId, offset: u64, id: ChunkId, bytes: &[u8]) -> ProvenChunk {
    let proof = prove_possession(&possession_key(image), bytes);
    ProvenChunk { offset, len: u32::try_from(bytes.len()).expect("short"), id, proof }
}

fn described(size_bytes: u64, chunks: &[ProvenChunk]) -> Vec<u8> {
    let mut body = frames::write_size(size_bytes).to_vec();
    chunks.iter().for_each(|chunk| frames::write_entry(&mut body, chunk));
    body
}

impl Fixture {
    async fn missing(&self, ids: &[ChunkId]) -> Vec<ChunkId> {
        let path = format!("/imprint/v1/images/{}/chunks/missing", self.image);
        let (status, body) = self.ask("POST", &path, &self.tenant, frames::write_ids(ids)).await;
        assert_eq!(status, StatusCode::OK);
        frames::read_ids(&body).expect("names")
    }

    async fn describe(&self, body: Vec<u8>) -> (StatusCode, Value) {
        let path = format!("/imprint/v1/images/{}/content", self.image);
        let (status, body) = self.ask("POST", &path, &self.tenant, body).await;
        (status, serde_json::from_slice(&body).expect("JSON"))
    }
}

#[tokio::test]
async fn chunks_become_an_image_with_holes_where_nothing_was_said() {
    let fixture = Fixture::new().await;
    let bytes = [7; CHUNK];
    let id = ChunkId(*blake3::hash(&bytes).as_bytes());
    assert_eq!(fixture.missing(&[id]).await, [id]);
    let chunk = proven(fixture.image, 1 << 20, id, &bytes);

    let (status, body) = fixture.describe(described(2 << 20, &[chunk])).await;
    assert_eq!((status, body["error"]["code"].as_str()), (StatusCode::CONFLICT, Some("incomplete")));

    let mut batch = Vec::new();
    frames::write_chunk(&mut batch, &bytes);
    let path = format!("/imprint/v1/images/{}/chunks", fixture.image);
    assert_eq!(fixture.ask("PUT", &path, &fixture.tenant, batch).await.0, StatusCode::NO_CONTENT);
    assert!(fixture.missing(&[id]).await.is_empty());

    let unproven = ProvenChunk { proof: [0; 32], ..chunk };
    let (status, body) = fixture.describe(described(2 << 20, &[unproven])).await;
    assert_eq!((status, body["error"]["code"].as_str()), (StatusCode::CONFLICT, Some("incomplete")));

    let (status, body) = fixture.describe(described(2 << 20, &[chunk])).await;
    assert_eq!((status, body["size_bytes"].as_u64()), (StatusCode::CREATED, Some(2 << 20)), "{body}");
    let (status, body) = fixture.describe(described(2 << 20, &[chunk])).await;
    assert_eq!((status, body["error"]["code"].as_str()), (StatusCode::CONFLICT, Some("wrong_status")));

    let path = format!("/imprint/v1/images/{}/extents", fixture.image);
    let (_, page) = fixture.ask("GET", &path, &fixture.tenant, json!({})).await;
    let page: wire::Extents = serde_json::from_slice(&page).expect("extents");
    assert_eq!(page, wire::Extents { size_bytes: 2 << 20, data: vec![(1 << 20, CHUNK as u64)], next: None });
    let (_, page) = fixture.ask("GET", &format!("{path}?from=1052672"), &fixture.tenant, json!({})).await;
    let page: wire::Extents = serde_json::from_slice(&page).expect("extents");
    assert!(page.data.is_empty() && page.next.is_none());
}

#[tokio::test]
async fn an_image_without_data_has_no_extents() {
    let fixture = Fixture::new().await;
    let path = format!("/imprint/v1/images/{}/extents", fixture.image);
    let (status, page) = fixture.ask("GET", &path, &fixture.tenant, json!({})).await;
    let page: wire::Extents = serde_json::from_slice(&page).expect("extents");
    assert_eq!((status, page.size_bytes, page.data.len(), page.next), (StatusCode::OK, 0, 0, None));
    let (status, _) = fixture.ask("GET", &format!("{path}?from=-1"), &fixture.tenant, json!({})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}
