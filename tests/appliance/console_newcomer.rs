//! A newcomer who knows the family builds a farm by typing only: the oldest example of the language, with what `?` and TAB say.

use crate::support::{Director, Origin, Telnet, free, get};

#[test]
fn a_farm_is_built_by_typing_and_is_the_same_after_a_restart() {
    let (throwaway, console) = (free(), free());
    let coyote = Origin::saying("coyote");
    let roadrunner = Origin::saying("roadrunner");
    let (at, first, second) = (free(), free(), free());
    let director = Director::start(&format!("virtual {throwaway}\n"));
    director.typed(&[
        "configure terminal",
        &format!("console {console}"),
        "username ann privilege configure secret open-sesame",
        "end",
    ]);

    let mut ann = Telnet::to(console);
    ann.until("Username: ");
    ann.line("ann").until("Password: ");
    ann.line("open-sesame").until("> ");
    ann.line("en").until("# ");
    ann.keys("conf?").until("configure ");
    ann.keys("\u{15}");
    ann.line("conf t").until("(config)# ");
    ann.line("host acme").until("acme*(config)# ");
    // `?` says what may come, TAB writes a word to its end.
    ann.keys("vir\t");
    ann.until("virtual ");
    ann.keys("?");
    ann.until("VIRTUAL-ID");
    ann.until("acme*(config)# virtual ");
    ann.line(&at.to_string()).until("(config)# ");
    for line in [
        format!("url coyote http://{first}/%d"),
        format!("url roadrunner http://{second}/%d"),
        format!("bind {at} coyote roadrunner"),
        format!("dip {first} {}", coyote.address),
        format!("dip {second} {}", roadrunner.address),
        format!("link coyote {first}"),
        format!("link roadrunner {second}"),
        format!("backup {first} {at}"),
        format!("no virtual {throwaway}"),
    ] {
        let shown = ann.line(&line).until("acme*(config)# ");
        assert!(!shown.contains("\n% "), "{line}: {shown}");
    }
    // A mistake is marked at its place.
    let marked = ann.line("bind nowhere").until("(config)# ");
    assert!(marked.contains("% "), "{marked}");

    let locations = || -> Vec<String> {
        let mut all: Vec<_> = (0..2)
            .map(|_| get(at, "/road").location().to_owned())
            .collect();
        all.sort();
        all
    };
    let mut both = vec![
        format!("http://{first}/road"),
        format!("http://{second}/road"),
    ];
    both.sort();
    assert_eq!(locations(), both, "traffic moves");
    assert_eq!(get(first, "/road").text(), "coyote");
    assert_eq!(get(second, "/road").text(), "roadrunner");

    // A server is taken out: nobody is sent there any more.
    ann.line(&format!("out-of-service dip {first}"))
        .until("(config)# ");
    let only = format!("http://{second}/road");
    assert_eq!(locations(), [only.clone(), only.clone()]);
    ann.keys("\u{1a}").until("acme*# ");
    let shown = ann.line("sh dip").until("acme*# ");
    assert!(shown.contains("OOS"), "{shown}");
    ann.line("wr mem").until("acme# ");
    ann.line("exit").rest();

    let before = director.typed(&["show running-config"]);
    let director = director.restart();
    assert_eq!(director.typed(&["show running-config"]), before);
    assert_eq!(locations(), [only.clone(), only]);
    director.typed(&[
        "configure terminal",
        &format!("in-service dip {first}"),
        "end",
    ]);
    assert_eq!(locations(), both);
}
