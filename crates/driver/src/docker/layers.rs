//! Images read from the engine's own files, when they lie on this machine.
//!
//! `docker save` of the API writes every layer into a temporary folder before its first byte, and knows no way to
//! leave out what the other side has: seconds for each image, whose base both sides have as a rule. The engine's data
//! root (its `info` says where) holds the same bytes: `tar-split` recipes beside the unpacked files. This module puts
//! them together to the tar that `docker load` takes, with the layers that are wanted and no others; `load` asks for
//! no file of a layer that it has (looked at with 20.10: decision 0021).
//!
//! Must not: write there, follow a link out of a layer, or be the only way: whatever cannot be read here (another
//! storage driver, another machine, no permission) comes from the API. Nothing here is trusted to be right: the loading
//! engine compares each layer with its digest.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use flate2::read::GzDecoder;
use futures::StreamExt;
use futures::stream::BoxStream;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::driver::Result;
use crate::error::DriverError;

/// The storage driver whose files are understood.
const STORAGE: &str = "overlay2";

/// Bytes of one piece of the stream.
const PIECE: usize = 256 * 1024;

/// Pieces between the reading thread and the connection.
const QUEUE: usize = 8;

/// Blocks of a tar.
const BLOCK: u64 = 512;

/// Largest image configuration that is read.
const MOST_CONFIG: u64 = 8 << 20;

/// The files of one engine.
#[derive(Debug, Clone)]
pub(super) struct LayerFiles {
    root: PathBuf,
}

/// What of an image's configuration matters here.
#[derive(Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    #[serde(default)]
    diff_ids: Vec<String>,
}

/// One step of a recipe: bytes as they are, or a file's content.
#[derive(Deserialize)]
struct Step {
    #[serde(rename = "type")]
    kind: u8,
    #[serde(default)]
    name: Option<String>,
    /// For names that are not UTF-8.
    #[serde(default)]
    name_raw: Option<String>,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    payload: Option<String>,
}

/// Kinds of [`Step`], as tar-split numbers them.
const FILE: u8 = 1;
const SEGMENT: u8 = 2;

/// A layer that can be put together.
struct Layer {
    recipe: PathBuf,
    files: OwnedFd,
    size: u64,
}

impl LayerFiles {
    /// The files below this data root, if they are of a known kind and can be read.
    pub(super) fn open(root: &Path, storage: &str) -> Option<Self> {
        let files = Self {
            root: root.to_owned(),
        };
        (storage == STORAGE && files.layer_folders().read_dir().is_ok()).then_some(files)
    }

    fn layer_folders(&self) -> PathBuf {
        self.root.join("image").join(STORAGE).join("layerdb/sha256")
    }

    /// How many of these layers, lowest first, are there.
    pub(super) fn present(&self, layers: &[String]) -> usize {
        chain_ids(layers)
            .iter()
            .take_while(|chain| {
                self.layer_folders()
                    .join(hexadecimal(chain).unwrap_or("none"))
                    .join("diff")
                    .is_file()
            })
            .count()
    }

    /// The image as `docker load` takes it, without its lowest `without` layers. Blocks.
    pub(super) fn save(
        &self,
        id: &str,
        name: Option<&str>,
        without: usize,
    ) -> io::Result<BoxStream<'static, Result<Bytes>>> {
        let hex = hexadecimal(id).ok_or(io::ErrorKind::InvalidInput)?;
        let path = self
            .root
            .join("image")
            .join(STORAGE)
            .join("imagedb/content/sha256");
        let mut config = Vec::new();
        File::open(path.join(hex))?
            .take(MOST_CONFIG)
            .read_to_end(&mut config)?;
        if hex::encode(Sha256::digest(&config)) != hex {
            return Err(invalid("the image's configuration is not what its id says"));
        }
        let layers = serde_json::from_slice::<Config>(&config)?.rootfs.diff_ids;
        let files: Vec<String> = (0..layers.len())
            .map(|index| format!("{index}.tar"))
            .collect();
        let manifest = serde_json::to_vec(&serde_json::json!([{
            "Config": format!("{hex}.json"),
            "RepoTags": name.map(|name| vec![name]),
            "Layers": files,
        }]))?;
        let mut wanted = Vec::new();
        for (chain, file) in chain_ids(&layers).iter().zip(files).skip(without) {
            wanted.push((file, self.layer(chain)?));
        }
        let (send, receive) = mpsc::channel(QUEUE);
        let hex = hex.to_owned();
        tokio::task::spawn_blocking(move || {
            let mut out = Pieces {
                send,
                piece: BytesMut::with_capacity(PIECE),
            };
            let written = (|| {
                entry(&mut out, &format!("{hex}.json"), &config)?;
                for (name, layer) in wanted {
                    out.write_all(&header(&name, layer.size)?)?;
                    layer.write(&mut out)?;
                    out.write_all(&padding(layer.size))?;
                }
                entry(&mut out, "manifest.json", &manifest)?;
                out.write_all(&[0; 2 * BLOCK as usize])?;
                out.flush()
            })();
            if let Err(error) = written {
                let error = DriverError::Engine(format!("an image cannot be read: {error}"));
                // Nobody listens any more: then nobody needs to know.
                let _ = out.send.blocking_send(Err(error));
            }
        });
        Ok(tokio_stream(receive))
    }

    fn layer(&self, chain: &str) -> io::Result<Layer> {
        let folder = self
            .layer_folders()
            .join(hexadecimal(chain).ok_or(io::ErrorKind::InvalidInput)?);
        let cache = std::fs::read_to_string(folder.join("cache-id"))?;
        let cache = cache.trim();
        if cache.is_empty() || !cache.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(invalid("a layer's folder has an impossible name"));
        }
        let recipe = folder.join("tar-split.json.gz");
        let mut size = 0;
        each_step(&recipe, |step| {
            size += match step.kind {
                FILE => step.size,
                _ => step.bytes()?.len() as u64,
            };
            Ok(())
        })?;
        let files = File::open(self.root.join(STORAGE).join(cache).join("diff"))?.into();
        Ok(Layer {
            recipe,
            files,
            size,
        })
    }
}

impl Layer {
    fn write(&self, out: &mut Pieces) -> io::Result<()> {
        each_step(&self.recipe, |step| {
            if step.kind != FILE {
                return out.write_all(&step.bytes()?);
            }
            if step.size == 0 {
                return Ok(());
            }
            let file = openat2(
                &self.files,
                step.path()?.as_slice(),
                OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK,
                Mode::empty(),
                ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS,
            )?;
            let copied = io::copy(&mut File::from(file).take(step.size), out)?;
            if copied == step.size {
                Ok(())
            } else {
                Err(invalid("a file of a layer is shorter than it was"))
            }
        })
    }
}

impl Step {
    fn bytes(&self) -> io::Result<Vec<u8>> {
        if self.kind != SEGMENT {
            return Err(invalid("a layer's recipe has a step of an unknown kind"));
        }
        STANDARD
            .decode(self.payload.as_deref().unwrap_or_default())
            .map_err(io::Error::other)
    }

    fn path(&self) -> io::Result<Vec<u8>> {
        match (&self.name_raw, &self.name) {
            (Some(raw), _) => STANDARD.decode(raw).map_err(io::Error::other),
            (None, Some(name)) => Ok(name.clone().into_bytes()),
            (None, None) => Err(invalid("a layer's recipe names no file")),
        }
    }
}

fn each_step(recipe: &Path, mut see: impl FnMut(Step) -> io::Result<()>) -> io::Result<()> {
    let mut lines = BufReader::new(GzDecoder::new(BufReader::new(File::open(recipe)?)));
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        see(serde_json::from_slice(&line)?)?;
        line.clear();
    }
    Ok(())
}

/// The name of each layer together with all below it.
fn chain_ids(layers: &[String]) -> Vec<String> {
    let mut chains: Vec<String> = Vec::with_capacity(layers.len());
    for layer in layers {
        let chain = match chains.last() {
            None => layer.clone(),
            Some(below) => {
                let digest = Sha256::digest(format!("{below} {layer}"));
                format!("sha256:{}", hex::encode(digest))
            }
        };
        chains.push(chain);
    }
    chains
}

fn hexadecimal(digest: &str) -> Option<&str> {
    let hex = digest.strip_prefix("sha256:")?;
    (hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(hex)
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn entry(out: &mut Pieces, name: &str, content: &[u8]) -> io::Result<()> {
    out.write_all(&header(name, content.len() as u64)?)?;
    out.write_all(content)?;
    out.write_all(&padding(content.len() as u64))
}

fn padding(size: u64) -> Vec<u8> {
    let over = size % BLOCK;
    let missing = if over == 0 { 0 } else { BLOCK - over };
    vec![0; usize::try_from(missing).unwrap_or(0)]
}

/// The block before a regular file (POSIX.1-1988). Sizes above 8 GiB do not fit and are left to the API.
fn header(name: &str, size: u64) -> io::Result<[u8; BLOCK as usize]> {
    let mut block = [0; BLOCK as usize];
    let mut put = |at: usize, bytes: &[u8]| -> io::Result<()> {
        block
            .get_mut(at..at + bytes.len())
            .ok_or(io::ErrorKind::InvalidInput)?
            .copy_from_slice(bytes);
        Ok(())
    };
    if name.len() > 99 || size >= 1 << 33 {
        return Err(invalid("an entry does not fit into a tar"));
    }
    put(0, name.as_bytes())?;
    put(100, b"0000644\0")?;
    put(108, b"0000000\0")?;
    put(116, b"0000000\0")?;
    put(124, format!("{size:011o}\0").as_bytes())?;
    put(136, b"00000000000\0")?;
    put(148, b"        ")?;
    put(156, b"0")?;
    put(257, b"ustar\x0000")?;
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block
        .get_mut(148..156)
        .ok_or(io::ErrorKind::InvalidInput)?
        .copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(block)
}

/// The sending side of the stream.
struct Pieces {
    send: mpsc::Sender<Result<Bytes>>,
    piece: BytesMut,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PIECE.saturating_sub(self.piece.len()).min(bytes.len());
        self.piece
            .extend_from_slice(bytes.get(..room).unwrap_or_default());
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(room)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, BytesMut::with_capacity(PIECE));
        self.send
            .blocking_send(Ok(piece.freeze()))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

fn tokio_stream(mut receive: mpsc::Receiver<Result<Bytes>>) -> BoxStream<'static, Result<Bytes>> {
    futures::stream::poll_fn(move |cx| receive.poll_recv(cx)).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_named_as_the_engine_names_them() {
        // From an image of the engine itself.
        let layers = [
            "sha256:02eb836581b7c0076c6f414ac5ac5b2d07f9b5c5b7d6b53adc3728d3558b1fbb".to_owned(),
            "sha256:0317f9d3f7665d6253c757f8a7f84b44ccfb18e881ae9bbe2091cfac8da3c689".to_owned(),
        ];
        let chains = chain_ids(&layers);
        assert_eq!(chains[0], layers[0]);
        assert_eq!(
            chains[1],
            "sha256:3e228921bd90af303d5e1a6ba9b14c92548a113e22bb87e3d3de95481b85428c"
        );
        assert!(chain_ids(&[]).is_empty());
    }

    #[test]
    fn headers_are_read_by_another_implementation() {
        let mut tar = header("7.tar", 600).unwrap().to_vec();
        tar.extend(vec![b'x'; 600]);
        tar.extend(padding(600));
        tar.extend([0; 1024]);
        assert_eq!(tar.len() % 512, 0);
        let mut archive = tar::Archive::new(tar.as_slice());
        let mut entries = archive.entries().unwrap();
        let mut entry = entries.next().unwrap().unwrap();
        assert_eq!(entry.path().unwrap(), Path::new("7.tar"));
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        assert_eq!(content, vec![b'x'; 600]);
        assert!(entries.next().is_none());
        assert!(header(&"x".repeat(100), 1).is_err());
        assert!(header("x", 1 << 33).is_err());
    }

    #[test]
    fn a_recipe_cannot_leave_its_layer() {
        let folder = tempfile::tempdir().unwrap();
        let files = folder.path().join("files");
        std::fs::create_dir(&files).unwrap();
        std::fs::write(folder.path().join("secret"), b"secret").unwrap();
        std::os::unix::fs::symlink(folder.path(), files.join("out")).unwrap();
        std::fs::write(files.join("good"), b"inside").unwrap();
        let read = |name: &str| {
            let recipe = folder.path().join("recipe");
            let mut gz = flate2::write::GzEncoder::new(
                File::create(&recipe).unwrap(),
                flate2::Compression::fast(),
            );
            writeln!(gz, r#"{{"type":2,"payload":"aGVhZA==","position":0}}"#).unwrap();
            writeln!(
                gz,
                r#"{{"type":1,"name":"{name}","size":6,"payload":"AAAA"}}"#
            )
            .unwrap();
            gz.finish().unwrap();
            let layer = Layer {
                recipe,
                files: File::open(&files).unwrap().into(),
                size: 10,
            };
            let (send, mut receive) = mpsc::channel(9);
            let mut out = Pieces {
                send,
                piece: BytesMut::new(),
            };
            layer.write(&mut out).and_then(|()| out.flush()).ok()?;
            receive.try_recv().unwrap().ok()
        };
        assert_eq!(read("good").unwrap(), &b"headinside"[..]);
        for name in ["../secret", "out/secret", "/../secret", "nothing"] {
            assert!(read(name).is_none(), "{name}");
        }
    }
}
