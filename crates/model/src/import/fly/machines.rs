//! Machines and volumes of fly.toml.

use super::super::draft::{self, Draft};
use super::super::ledger::{Ledger, Place};
use super::super::words;
use super::about;
use crate::spec::bounds;

pub(super) fn vm(ledger: &mut Ledger, draft: &mut Draft, place: &Place<'_>) {
    let memory = match place.get("memory").or_else(|| place.get("memory_mb")) {
        Some(inner) if inner.text().is_some_and(|text| text.parse::<u64>().is_ok()) => {
            let bytes = inner
                .text()
                .and_then(|text| words::size(&format!("{text}m")));
            let bytes = bytes.filter(|bytes| bounds::MEMORY_BYTES.contains(bytes));
            match bytes {
                Some(_) => ledger.carried(&inner),
                None => ledger.left(&inner, "Segue takes 16 MiB to 1 TiB of memory"),
            }
            bytes
        }
        Some(inner) => draft::memory(ledger, &inner),
        None => None,
    };
    let cores = place
        .get("cpus")
        .and_then(|place| draft::cores(ledger, &place));
    for (key, reason) in [
        ("size", "write resources = { cpu = 1, memory = \"512MiB\" }"),
        ("cpu_kind", "CPU is a weight: resources = { cpu = 0.5 }"),
        ("gpu_kind", "devices are not given to containers"),
        ("gpus", "devices are not given to containers"),
        ("kernel_args", "containers have the host's kernel"),
        ("host_dedication_id", "your hosts are your own"),
    ] {
        ledger.left_if(place.get(key), reason);
    }
    if memory.is_none() && cores.is_none() {
        return;
    }
    for service in about(ledger, draft, place) {
        service.memory_bytes = memory.or(service.memory_bytes);
        service.cpu_millis = cores.or(service.cpu_millis);
    }
}

pub(super) fn mount(ledger: &mut Ledger, draft: &mut Draft, place: &Place<'_>) {
    let text = |key: &str| place.get(key).and_then(|place| place.text());
    let (Some(source), Some(path)) = (text("source"), text("destination")) else {
        return ledger.left(place, "expected a source and a destination");
    };
    let size = place.get("initial_size");
    let bytes = size.as_ref().and_then(|place| {
        let text = place.text()?;
        let gigabytes = text.parse::<u64>().is_ok();
        words::size(&if gigabytes {
            format!("{text}g")
        } else {
            text.to_owned()
        })
    });
    let (source, path) = (source.to_owned(), path.to_owned());
    let service_name = {
        let mut services = about(ledger, draft, place).into_iter();
        let first = services.next().map(|service| service.name.clone());
        match (first, services.next()) {
            (Some(name), None) => name,
            _ => return ledger.left(place, "a volume belongs to one service: say which"),
        }
    };
    let Some(service) = draft
        .services
        .iter_mut()
        .find(|service| service.name == service_name)
    else {
        return;
    };
    let Some(volume) = draft::volume(ledger, place, &service.volumes, &source, &path, bytes) else {
        return;
    };
    if let Some(size) = &size {
        if volume.size_bytes.is_some() {
            ledger.carried(size);
        } else {
            ledger.left(size, "expected a size such as 10GB");
        }
    }
    for key in ["source", "destination"] {
        if let Some(place) = place.get(key) {
            ledger.carried(&place);
        }
    }
    for key in [
        "auto_extend_size_threshold",
        "auto_extend_size_increment",
        "auto_extend_size_limit",
        "snapshot_retention",
        "scheduled_snapshots",
    ] {
        ledger.left_if(
            place.get(key),
            "volumes are not extended or copied by Segue",
        );
    }
    service.volumes.push(volume);
}
