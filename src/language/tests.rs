use super::*;

#[test]
fn every_statement_has_a_form_help_and_a_no_form() {
    let statements = &vocabulary().statements;
    assert_eq!(statements.len() % 2, 0);
    for entry in statements {
        assert!(entry.help.ends_with('.'), "{entry:?}");
        assert!(!entry.keywords.is_empty(), "{entry:?}");
        let no = entry.rule.starts_with("no_");
        assert_eq!(entry.form.starts_with("no "), no, "{entry:?}");
        if !no {
            let undo = format!("no_{}", entry.rule);
            assert!(statements.iter().any(|other| other.rule == undo), "{undo}");
        }
    }
}

#[test]
fn words_are_places_in_the_text() {
    let (statements, diagnostics) = parse(b"# first\r\n\tWEIGHT \"a b\\\\\\\"\"  7\n");
    assert_eq!(diagnostics, []);
    let line = statements.iter().next().expect("there is a statement");
    assert_eq!(
        (line.rule, statements.line_number(line.index)),
        (Rule::weight, 2)
    );
    let words: Vec<_> = line.words().iter().map(|word| line.text(word)).collect();
    assert_eq!(words, ["a b\\\"", "7"]);
}

#[test]
fn only_a_slip_is_taken_for_another_word() {
    let known = || ["weight", "virtual", "is"].into_iter();
    assert_eq!(nearest("wieght", known()), Some("weight"));
    assert_eq!(nearest("virtuell", known()), Some("virtual"));
    assert_eq!(nearest("weight", known()), None);
    assert_eq!(nearest("it", known()), None);
    assert_eq!(nearest("frobnicate", known()), None);
}
