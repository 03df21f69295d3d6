//! The stream that the build engine reads: what Segue adds, then the source.
//!
//! The additions lie in [`RESERVED_DIR`], which the archive validator refuses in sources, so that a source cannot
//! overwrite them.

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use segue_model::archive::{RESERVED_DIR, directory, file};

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
    futures::stream::once(async { Ok(Bytes::from(added)) }).chain(source).boxed()
}
