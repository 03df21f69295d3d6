//! Sources: chunks once per team, uploads that meet, the sweep.

use segue_store::testing::{Fixture, TestDb};
use segue_store::{CHUNK_BYTES, Retention, StoreError};
use sha2::{Digest, Sha256};
use sqlx::Executor;

async fn upload(one: &Fixture, chunks: &[&[u8]]) -> segue_store::SourceInfo {
    let scope = one.scope();
    let source = scope.source_begin(one.app).await.unwrap();
    let mut hash = Sha256::new();
    let mut size = 0;
    for (position, chunk) in (0u32..).zip(chunks) {
        scope
            .source_chunk_put(source, position, chunk)
            .await
            .unwrap();
        hash.update(chunk);
        size += chunk.len() as u64;
    }
    scope
        .source_finish(source, hash.finalize().into(), size)
        .await
        .unwrap()
}

#[tokio::test]
async fn equal_chunks_and_equal_sources_are_kept_once() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let big = vec![7u8; CHUNK_BYTES];
    let first = upload(&one, &[&big, &big, b"end"]).await;
    let again = upload(&one, &[&big, &big, b"end"]).await;
    assert_eq!(first.id, again.id);
    let other = upload(&one, &[&big, b"other"]).await;
    assert_ne!(first.id, other.id);
    let mut admin = db.admin().await.unwrap();
    let chunks: i64 = sqlx::query_scalar("select count(*) from chunks")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(chunks, 3);
    let scope = one.scope();
    assert_eq!(
        scope
            .source_by_sha256(one.app, first.sha256)
            .await
            .unwrap()
            .size_bytes,
        first.size_bytes
    );
    let mut read = Vec::new();
    while let Some(chunk) = db
        .store()
        .system()
        .source_chunk(first.id, read.len() as u32)
        .await
        .unwrap()
    {
        read.push(chunk);
    }
    assert_eq!(read.concat().len() as u64, first.size_bytes);
    assert_eq!(
        scope
            .source_chunk(first.id, 2)
            .await
            .unwrap()
            .unwrap()
            .as_ref(),
        b"end"
    );
}

#[tokio::test]
async fn limits_hold_and_a_finished_upload_is_closed() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let scope = one.scope();
    let source = scope.source_begin(one.app).await.unwrap();
    let long = scope
        .source_chunk_put(source, 0, &vec![0; CHUNK_BYTES + 1])
        .await
        .unwrap_err();
    assert!(matches!(long, StoreError::Invalid { .. }), "{long:?}");
    let beyond = scope.source_chunk_put(source, 256, b"x").await.unwrap_err();
    assert!(matches!(beyond, StoreError::Invalid { .. }), "{beyond:?}");
    scope.source_chunk_put(source, 0, b"x").await.unwrap();
    let large = scope
        .source_finish(source, [1; 32], (256 << 20) + 1)
        .await
        .unwrap_err();
    assert!(matches!(large, StoreError::Invalid { .. }), "{large:?}");
    scope.source_finish(source, [1; 32], 1).await.unwrap();
    assert!(matches!(
        scope.source_chunk_put(source, 1, b"y").await,
        Err(StoreError::NotFound)
    ));
    assert!(matches!(
        scope.source_finish(source, [1; 32], 1).await,
        Err(StoreError::NotFound)
    ));
}

#[tokio::test]
async fn old_sources_lose_their_chunks_and_young_ones_do_not() {
    let db = TestDb::new().await.unwrap();
    let one = Fixture::new(db.store(), "one").await.unwrap();
    let old = upload(&one, &[b"old", b"shared"]).await;
    let young = upload(&one, &[b"young", b"shared"]).await;
    let keep = Retention::default();
    let nothing = db.store().system().sweep(&keep).await.unwrap();
    assert_eq!((nothing.sources, nothing.chunks), (0, 0));
    let mut admin = db.admin().await.unwrap();
    let age = format!(
        "update sources set last_used_at = now() - interval '25 hours' where id = '{}'",
        old.id.as_uuid()
    );
    admin.execute(sqlx::AssertSqlSafe(age)).await.unwrap();
    admin
        .execute("update chunks set created_at = now() - interval '2 hours'")
        .await
        .unwrap();
    let swept = db.store().system().sweep(&keep).await.unwrap();
    assert_eq!((swept.sources, swept.chunks), (1, 1));
    assert!(matches!(
        one.scope().source_by_sha256(one.app, old.sha256).await,
        Err(StoreError::NotFound)
    ));
    assert_eq!(
        one.scope()
            .source_chunk(young.id, 1)
            .await
            .unwrap()
            .unwrap()
            .as_ref(),
        b"shared"
    );
}
