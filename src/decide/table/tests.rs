use super::*;

fn row(value: u64) -> Row {
    Row { value, note: 3 }
}

#[test]
fn an_entry_has_24_bytes() {
    assert_eq!(size_of::<Entry>(), 24);
}

#[test]
fn pages_come_when_they_are_written_to() {
    let pages: Pages<AtomicU64, 8> = Pages::new(17);
    assert!(pages.find(8, 8).is_none());
    assert_eq!(pages.make(8, 8).map(<[_]>::len), Some(8));
    assert!(pages.find(8, 8).is_some() && pages.find(0, 8).is_none());
    assert!(pages.make(16, 8).is_some() && pages.make(24, 8).is_none());
}

#[test]
fn a_table_has_room_for_what_is_asked_and_at_most_its_limit() {
    assert_eq!(Table::new(0).sets(), 1);
    assert_eq!(Table::new(WAYS).sets(), 1);
    assert_eq!(Table::new(WAYS + 1).sets(), 2);
    let most = ENTRIES_MOST / WAYS;
    assert_eq!(Table::new(ENTRIES_MOST).sets(), most);
    assert_eq!(Table::new(ENTRIES_MOST + 1).sets(), most);
    assert_eq!(Table::new(usize::MAX).sets(), most);
}

#[test]
fn every_set_is_somebodys() {
    let table = Table::new(WAYS * 10);
    let mut used = [false; 10];
    for key in 0..1_000 {
        table
            .places(key)
            .into_iter()
            .for_each(|at| used[at / WAYS] = true);
    }
    assert_eq!(used, [true; 10]);
}

#[test]
fn who_writes_is_neither_waited_for_nor_overtaken() {
    let table = Table::new(WAYS);
    let now = Millis(0);
    assert_eq!(table.put(5, row(1), now, 1_000), Put::Stored { lost: None });
    let entry = &table.pages.find(0, WAYS).expect("a page")[0];
    let meta = entry.meta.load(Ordering::Acquire);
    assert!(entry.claim(meta) && !entry.claim(meta));
    // Its writer was put to sleep: the key cannot be told, put, removed or swept meanwhile, others can.
    assert_eq!(table.find(5, now), None);
    assert_eq!(table.put(5, row(2), now, 1_000), Put::Busy);
    assert_eq!(table.remove(5), None);
    table.sweep(0..1, Millis(9_999), |_| unreachable!());
    assert_eq!(table.put(6, row(3), now, 1_000), Put::Stored { lost: None });
    assert_eq!(table.find(6, now), Some(row(3)));
    entry.write(meta, 5, row(4), 99);
    assert_eq!(table.find(5, now), Some(row(4)));
}

#[test]
fn a_version_goes_round_and_touches_nothing_else() {
    let table = Table::new(WAYS);
    let now = Millis(0);
    table.put(5, row(1), now, 1_000);
    let entry = &table.pages.find(0, WAYS).expect("a page")[0];
    let rest = entry.meta.load(Ordering::Acquire) & (STEP - 1);
    entry.meta.store(!(2 * STEP - 1) | rest, Ordering::Release);
    assert_eq!(table.find(5, now), Some(row(1)));
    assert_eq!(
        table.put(5, row(2), now, 1_000),
        Put::Stored { lost: Some(1) }
    );
    assert_eq!(entry.meta.load(Ordering::Acquire) & !(STEP - 1), 0);
    assert_eq!(table.find(5, now), Some(row(2)));
}
