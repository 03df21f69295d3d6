use super::*;
use std::os::unix::fs::PermissionsExt;

use segue_model::id::EnvironmentId;
use segue_model::route::RouteGen;
use uuid::Uuid;

fn saved(name: &str, number: u64) -> Saved {
    Saved {
        number,
        environments: Vec::new(),
        certificates: vec![Certificate {
            names: vec![name.parse().unwrap()],
            chain_pem: "c".into(),
            key_pem: "k".into(),
        }],
    }
}

fn change(number: i64) -> StreamBody {
    StreamBody::Remove {
        environment: EnvironmentId::from_uuid(Uuid::from_u128(7)),
        route_gen: RouteGen(number),
    }
}

fn append(writer: &mut Writer, number: i64) {
    writer.append(&line(&change(number)).unwrap()).unwrap();
}

/// Table, numbers of changes, whole.
fn loaded(disk: &Disk) -> (Saved, Vec<i64>, bool) {
    let (recovered, whole) = match disk.load().unwrap() {
        Loaded::Whole(recovered) => (recovered, true),
        Loaded::Partial(recovered) => (recovered, false),
        other => panic!("{other:?}"),
    };
    let numbers = recovered.changes.iter().map(|change| match change {
        StreamBody::Remove { route_gen, .. } => route_gen.0,
        other => panic!("{other:?}"),
    });
    (recovered.saved, numbers.collect(), whole)
}

#[test]
fn every_damage_of_a_table_is_noticed_and_the_logs_make_up_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::new(folder.path());
    assert_eq!(disk.load().unwrap(), Loaded::Nothing);
    let mut writer = disk.writer().unwrap();
    append(&mut writer, 1);
    assert_eq!(loaded(&disk), (Saved::default(), vec![1], true));
    let one = saved("one.test", writer.rotate());
    append(&mut writer, 2);
    // A crash between the two: nothing is lost.
    assert_eq!(loaded(&disk), (Saved::default(), vec![1, 2], true));
    disk.save(&one).unwrap();
    assert_eq!(loaded(&disk), (one.clone(), vec![2], true));
    let two = saved("two.test", writer.rotate());
    append(&mut writer, 3);
    disk.save(&two).unwrap();
    assert_eq!(loaded(&disk), (two.clone(), vec![3], true));

    let path = folder.path().join("routes");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&folder.path().join("routes.log.2")), 0o600);
    let sound = fs::read(&path).unwrap();
    for at in [0, 20, sound.len() / 2, sound.len() - 1] {
        let mut broken = sound.clone();
        broken[at] ^= 1;
        fs::write(&path, &broken).unwrap();
        assert_eq!(
            loaded(&disk),
            (one.clone(), vec![2, 3], false),
            "byte {at}: the table before and every change since"
        );
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(loaded(&disk), (one.clone(), vec![2, 3], false));
    fs::write(folder.path().join("routes.previous"), b"").unwrap();
    assert_eq!(disk.load().unwrap(), Loaded::Damaged);
    // A damaged file does not become the previous one.
    fs::write(&path, b"damaged").unwrap();
    let three = saved("three.test", writer.rotate());
    disk.save(&three).unwrap();
    assert_eq!(loaded(&disk), (three, vec![], true));
}

#[test]
fn the_first_tables_damage_is_made_up_for_by_the_logs_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::new(folder.path());
    let mut writer = disk.writer().unwrap();
    append(&mut writer, 1);
    disk.save(&saved("one.test", writer.rotate())).unwrap();
    append(&mut writer, 2);
    fs::write(folder.path().join("routes"), b"damaged").unwrap();
    assert_eq!(loaded(&disk), (Saved::default(), vec![1, 2], false));
}

#[test]
fn a_torn_end_is_left_out_and_damage_in_the_middle_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::new(folder.path());
    let mut writer = disk.writer().unwrap();
    for number in 1..=3 {
        append(&mut writer, number);
    }
    let path = folder.path().join("routes.log.0");
    let sound = fs::read(&path).unwrap();
    let length = sound.len() / 3;
    for torn in 2 * length..sound.len() {
        fs::write(&path, &sound[..torn]).unwrap();
        assert_eq!(loaded(&disk).1, [1, 2], "{torn}");
        assert!(loaded(&disk).2, "a torn end is no damage: {torn}");
    }
    // A restarted process appends to another log, and both count.
    append(&mut disk.writer().unwrap(), 4);
    assert_eq!(loaded(&disk), (Saved::default(), vec![1, 2, 4], true));
    // But for its end, without which two lines become one.
    for at in 0..length - 1 {
        let mut broken = sound.clone();
        broken[at] ^= 1;
        fs::write(&path, &broken).unwrap();
        assert_eq!(
            loaded(&disk),
            (Saved::default(), vec![2, 3, 4], false),
            "{at}"
        );
    }
}

#[test]
fn logs_are_removed_when_two_tables_contain_them() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::new(folder.path());
    let mut writer = disk.writer().unwrap();
    for round in 0..4 {
        append(&mut writer, round);
        let number = writer.rotate();
        disk.save(&saved("x.test", number)).unwrap();
    }
    assert_eq!(disk.logs().unwrap(), [3]);
    let big = vec![b'x'; usize::try_from(LEAST_COMPACTION).unwrap()];
    assert!(!writer.is_due());
    writer.append(&big).unwrap();
    writer.append(b"\n").unwrap();
    assert!(writer.is_due());
    writer.saved(LEAST_COMPACTION * 3);
    assert!(!writer.is_due(), "a large table is written more seldom");
    assert!(disk.writer().unwrap().is_due(), "also after a restart");
}
