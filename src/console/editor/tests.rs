use super::view::NARROWEST;
use super::*;
use crate::console::plain::width;
use proptest::prelude::*;

fn typed(editor: &mut Editor, decoder: &mut Decoder, bytes: &[u8], out: &mut Vec<u8>) -> Vec<Did> {
    let history = History::default();
    let keys: Vec<Key> = bytes
        .iter()
        .filter_map(|byte| decoder.feed(*byte))
        .collect();
    let did = keys.into_iter().map(|key| editor.key(key, &history, out));
    did.filter(|did| *did != Did::Edited).collect()
}

#[test]
fn a_secret_is_neither_shown_nor_put_back_elsewhere() {
    let (mut editor, mut decoder, mut out) = (Editor::new(), Decoder::new(), vec![]);
    editor.begin("Password: ", Manner::Secret);
    typed(&mut editor, &mut decoder, b"hunter22\x15hunter33", &mut out);
    editor.show(&mut out);
    assert_eq!(out, b"Password: ");
    editor.begin("> ", Manner::Command);
    let did = typed(&mut editor, &mut decoder, b"\x19\r", &mut out);
    assert_eq!(did, [Did::Line(String::new())]);
}

#[test]
fn a_line_has_4096_bytes_and_no_more() {
    let (mut editor, mut decoder, mut out) = (Editor::new(), Decoder::new(), vec![]);
    editor.begin("> ", Manner::Command);
    typed(&mut editor, &mut decoder, &[b'x'; LINE_BYTES], &mut out);
    assert!(out.is_empty());
    typed(&mut editor, &mut decoder, b"y", &mut out);
    assert_eq!(out, [BELL]);
    typed(&mut editor, &mut decoder, "\x7f\u{e9}".as_bytes(), &mut out);
    assert_eq!(out, [BELL, BELL]);
    assert_eq!(editor.bytes, LINE_BYTES - 1);
}

#[test]
fn what_is_typed_at_the_end_is_sent_alone() {
    let (mut editor, mut decoder, mut out) = (Editor::new(), Decoder::new(), vec![]);
    editor.begin("> ", Manner::Command);
    editor.show(&mut out);
    for (byte, sent) in [(b"a", &b"> a"[2..]), (b"b", b"b"), (b"\x7f", b"\x08 \x08")] {
        out.clear();
        typed(&mut editor, &mut decoder, byte, &mut out);
        editor.show(&mut out);
        assert_eq!(out, sent);
    }
}

fn keys() -> impl Strategy<Value = Vec<u8>> {
    let key = prop_oneof![
        4 => "[a-z \"日é]".prop_map(String::into_bytes),
        3 => (1u8..0x20).prop_map(|byte| vec![byte]),
        2 => prop::sample::select(vec!["\x1b[A", "\x1b[C", "\x1b[D", "\x1b[3~", "\x1bb", "\x1bd", "\x1bOH"]).prop_map(|key| key.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(key, 0..200).prop_map(|keys| keys.concat())
}

proptest! {
    /// Whatever is typed: the cursor stands in the line, its view fits into the window, nothing raw is shown.
    #[test]
    fn the_view_fits_into_the_window(bytes in keys(), columns in 8usize..100, prompt in "[a-z]{0,40}") {
        let (mut editor, mut decoder) = (Editor::new(), Decoder::new());
        editor.resize(columns);
        editor.begin(&prompt, Manner::Command);
        for piece in bytes.chunks(3) {
            let mut out = vec![];
            typed(&mut editor, &mut decoder, piece, &mut out);
            editor.show(&mut out);
            let all: usize = editor.text.iter().map(|c| c.len_utf8()).sum();
            prop_assert_eq!(all, editor.bytes);
            prop_assert!(editor.cursor <= editor.text.len());
            let (view, column) = editor.view();
            prop_assert!(column <= width(&view));
            prop_assert!(width(editor.prompt_in_view()) + width(&view) < columns.max(NARROWEST * 2 + 2), "{view:?}");
            prop_assert!(view.chars().all(is_shown));
        }
    }
}
