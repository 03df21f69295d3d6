//! Images between two real engines: what travels, and what happens when less travels than is needed.

use std::time::Instant;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use segue_driver::*;
use segue_model::id::*;
use segue_model::spec::ImageRef;
use uuid::Uuid;

use super::bench::*;
use super::builds::{BASE, build, request};
use super::engine::Engine;

/// An engine that believes to have every layer.
struct Boaster<'a>(&'a dyn Driver);

impl Images for Boaster<'_> {
    fn image_layers_present<'a>(
        &'a self,
        layers: &'a [String],
        _deadline: Deadline,
    ) -> BoxFuture<'a, Result<usize, DriverError>> {
        Box::pin(std::future::ready(Ok(layers.len())))
    }

    fn image_inspect<'a>(
        &'a self,
        image: &'a str,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Option<ImageInfo>, DriverError>> {
        self.0.image_inspect(image, deadline)
    }

    fn image_pull<'a>(
        &'a self,
        image: &'a str,
        auth: Option<RegistryAuth>,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<ImageInfo, DriverError>> {
        self.0.image_pull(image, auth, deadline)
    }

    fn image_tag<'a>(
        &'a self,
        image: &'a str,
        name: &'a str,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<(), DriverError>> {
        self.0.image_tag(image, name, deadline)
    }

    fn image_remove<'a>(
        &'a self,
        image: &'a str,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<(), DriverError>> {
        self.0.image_remove(image, deadline)
    }

    fn image_save<'a>(
        &'a self,
        image: &'a str,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<BoxStream<'static, Result<Bytes, DriverError>>, DriverError>> {
        self.0.image_save(image, deadline)
    }

    fn image_load<'a>(
        &'a self,
        tar: BoxStream<'static, std::io::Result<Bytes>>,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<(), DriverError>> {
        self.0.image_load(tar, deadline)
    }

    fn image_import<'a>(
        &'a self,
        tar: Bytes,
        name: &'a str,
        changes: &'a [&'a str],
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<ImageInfo, DriverError>> {
        self.0.image_import(tar, name, changes, deadline)
    }
}

fn builder_of(engine: &Engine) -> DockerBuilder {
    let owner = Ownership {
        installation: InstallationId::from_uuid(Uuid::now_v7()),
        host: HostId::from_uuid(Uuid::nil()),
    };
    DockerBuilder::new(&engine.config.socket(), owner, None).unwrap()
}

/// An image above `base` with one small file of its own; gives name and id.
async fn above(builder: &DockerBuilder, base: &str) -> (String, String) {
    let mark = Uuid::now_v7().simple().to_string();
    let text = format!("FROM {base}\nCOPY note /note\nENV MARK={mark}\n");
    let wanted = request(&text);
    let built = build(builder, wanted.clone(), &[("note", mark.as_bytes())]).await;
    (wanted.tag, built.ended.unwrap().id)
}

async fn sent(builder: &DockerBuilder, id: &str, without: usize) -> Vec<u8> {
    let stream = builder
        .image_save_above(id, None, without, soon())
        .await
        .unwrap()
        .expect("the engine's files lie on this machine");
    let whole = stream.try_fold(Vec::new(), |mut whole, piece| async move {
        whole.extend_from_slice(&piece);
        Ok(whole)
    });
    whole.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_layers_that_are_missing_travel_and_the_whole_image_if_one_is_missed() {
    let bench = DockerBench::new().await;
    let host = bench.driver();
    let engine = Engine::start("10.225.0.0/24".parse().unwrap()).await;
    let builder = builder_of(&engine);
    let base = request(&format!("{BASE}ENV ONCE={}\n", Uuid::now_v7().simple()));
    build(&builder, base.clone(), &[]).await.ended.unwrap();
    let there = image_transfer(&builder, host, &base.tag, soon())
        .await
        .unwrap();
    assert!(there.tags.contains(&base.tag), "{there:?}");

    let (name, id) = above(&builder, &base.tag).await;
    let layers = builder
        .image_inspect(&id, soon())
        .await
        .unwrap()
        .unwrap()
        .layers;
    assert_eq!(layers.len(), 2);
    let present = host.image_layers_present(&layers, soon()).await.unwrap();
    assert_eq!(present, 1, "the base is there, the rest is not");
    let (whole, part) = (
        sent(&builder, &id, 0).await,
        sent(&builder, &id, present).await,
    );
    assert!(
        whole.len() > 1_000_000 && part.len() < 20_000,
        "{} and {} bytes",
        whole.len(),
        part.len()
    );
    let arrived = image_transfer(&builder, host, &name, soon()).await.unwrap();
    assert_eq!(arrived.id, id);
    assert!(arrived.tags.contains(&name), "{arrived:?}");

    // It is what it was: its program runs.
    let ground = Ground::open(&bench).await;
    let image = ImageRef::Engine {
        id: id.clone(),
        hosts: Default::default(),
    };
    let spec = ground.task_with(&image, vec!["/app".into(), "exit".into(), "5".into()]);
    host.ensure_running(&spec, soon()).await.unwrap();
    assert_eq!(host.wait(spec.name(), soon()).await.unwrap().code, 5);
    ground.close().await;

    // By id alone, without a name; and by an engine that has less than it says.
    let (named, other) = above(&builder, &base.tag).await;
    let arrived = image_transfer(&builder, &Boaster(host), &other, soon())
        .await
        .unwrap();
    assert_eq!(arrived.id, other);
    assert_eq!(
        arrived.tags,
        Vec::<String>::new(),
        "moved by id, so it has no name"
    );

    // The other way: a base that only the host has.
    let back = Engine::start("10.226.0.0/24".parse().unwrap()).await;
    let arrived = image_transfer(host, &builder_of(&back), &name, soon())
        .await
        .unwrap();
    assert_eq!(arrived.id, id);

    for image in [&name, &other, &base.tag] {
        host.image_remove(image, soon()).await.unwrap();
    }
    drop(named);
    drop((engine, back));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_engine_does_not_have_or_show_comes_from_its_api() {
    let bench = DockerBench::new().await;
    let host = bench.driver();
    let missing = format!("sha256:{}", "0".repeat(64));
    let none = host
        .image_save_above(&missing, None, 0, soon())
        .await
        .unwrap();
    assert!(none.is_none(), "no such image: the API says why");
    assert_eq!(
        host.image_layers_present(&[missing], soon()).await.unwrap(),
        0
    );
    let odd = ["../../etc".to_owned(), String::new()];
    assert_eq!(host.image_layers_present(&odd, soon()).await.unwrap(), 0);
}

/// Decision 0021's figures, of a small base without `SEGUE_BASE`; run by hand: `SEGUE_BASE=segue/python:3.11-bookworm cargo nextest run -p segue-driver
/// --test it transfer_time --run-ignored only --no-capture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: prints times and asserts none"]
async fn transfer_time() {
    let bench = DockerBench::new().await;
    let host = bench.driver();
    let named = std::env::var("SEGUE_BASE").ok();
    let base = match &named {
        Some(base) => base.clone(),
        None => {
            let engine = Engine::start("10.225.0.0/24".parse().unwrap()).await;
            let builder = builder_of(&engine);
            let small = request(&format!("{BASE}ENV ONCE={}\n", Uuid::now_v7().simple()));
            build(&builder, small.clone(), &[]).await.ended.unwrap();
            carry(&builder, host, &small.tag, false).await;
            small.tag
        }
    };
    for quick in [false, true] {
        let engine = Engine::start("10.225.0.0/24".parse().unwrap()).await;
        let builder = builder_of(&engine);
        let began = Instant::now();
        carry(host, &builder, &base, quick).await;
        println!(
            "quick {quick}: base to the build engine {:?}",
            began.elapsed()
        );
        for _ in 0..3 {
            let (name, _) = above(&builder, &base).await;
            let began = Instant::now();
            carry(&builder, host, &name, quick).await;
            println!("quick {quick}: result to the host {:?}", began.elapsed());
            host.image_remove(&name, soon()).await.unwrap();
        }
    }
    if named.is_none() {
        host.image_remove(&base, soon()).await.unwrap();
    }
}

async fn carry(from: &dyn Images, to: &dyn Images, image: &str, quick: bool) {
    if quick {
        image_transfer(from, to, image, soon()).await.unwrap();
    } else {
        let saved = from.image_save(image, soon()).await.unwrap();
        let tar = saved.map_err(std::io::Error::other).boxed();
        to.image_load(tar, soon()).await.unwrap();
    }
}
