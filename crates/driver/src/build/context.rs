//! The stream that the build engine reads: what Segue adds, then the source.
//!
//! The additions lie in [`RESERVED_DIR`], which the archive validator refuses in sources, so that a source cannot
//! overwrite them.

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use segue_model::archive::{Ignore, Limits, RESERVED_DIR, Validator, directory, file};

use super::{BuildRequest, dockerfile};

/// A fixed time for what Segue adds: a time that moved would make every build's context new.
const MTIME: u64 = 946_684_800;

/// Path of the Dockerfile in the context.
pub(super) fn dockerfile_path() -> String {
    format!("{RESERVED_DIR}/Dockerfile")
}

/// The whole context.
pub(super) fn stream(
    request: &BuildRequest,
    source: BoxStream<'static, std::io::Result<Bytes>>,
) -> BoxStream<'static, std::io::Result<Bytes>> {
    let mut added = directory(RESERVED_DIR, MTIME);
    let text = match &request.ca_bundle {
        None => request.dockerfile.text().to_owned(),
        Some(bundle) => {
            let path = format!("{RESERVED_DIR}/ca.pem");
            added.extend(file(&path, false, MTIME, bundle));
            dockerfile::with_ca(request.dockerfile.text(), &path)
        }
    };
    added.extend(file(&dockerfile_path(), false, MTIME, text.as_bytes()));
    let source = match request
        .ignore
        .as_deref()
        .map(Ignore::parse)
        .filter(|ignore| !ignore.is_empty())
    {
        Some(ignore) => without(source, ignore),
        None => source,
    };
    futures::stream::once(async { Ok(Bytes::from(added)) })
        .chain(source)
        .boxed()
}

/// The source without what is excluded. It is canonical already; its bounds were checked when it was taken in.
fn without(
    source: BoxStream<'static, std::io::Result<Bytes>>,
    ignore: Ignore,
) -> BoxStream<'static, std::io::Result<Bytes>> {
    let limits = Limits {
        inflated_bytes: u64::MAX,
        entries: u64::MAX,
        path_bytes: u64::MAX,
        listed_paths: 1,
        ..Limits::default()
    };
    let validator = Validator::new(limits, [""; 0]).ignoring(ignore);
    let pieces = futures::stream::unfold(Some((source, validator)), |state| async move {
        let (mut source, mut validator) = state?;
        let mut out = Vec::new();
        let piece = match source.next().await {
            Some(Ok(piece)) => piece,
            Some(Err(error)) => return Some((Err(error), None)),
            None => {
                let ended = validator.finish(&mut out).map_err(std::io::Error::other);
                return Some((ended.map(|_| Bytes::from(out)), None));
            }
        };
        let mut rest = piece.as_ref();
        while !rest.is_empty() {
            match validator.push(rest, &mut out) {
                Ok(used) => rest = rest.get(used..).unwrap_or_default(),
                Err(error) => return Some((Err(std::io::Error::other(error)), None)),
            }
        }
        Some((Ok(Bytes::from(out)), Some((source, validator))))
    });
    pieces.boxed()
}
