//! What the operators' document says of deliveries is what the code does.

use super::{KEEP, PATIENCE, WAITS};

#[test]
fn the_operators_document_has_the_limits_of_deliveries() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/OPERATIONS.md");
    let text = std::fs::read_to_string(path).unwrap();
    let day = 86_400;
    let all: u64 = WAITS.iter().map(std::time::Duration::as_secs).sum();
    let row = format!(
        "tries, stopped when nothing arrived, deliveries kept | {} within about {} days, after {} days, {} days |",
        WAITS.len() + 1,
        all / day,
        PATIENCE.as_secs() / day,
        KEEP.as_secs() / day,
    );
    assert!(
        text.contains(&row),
        "docs/OPERATIONS.md does not say: {row}"
    );
}
