//! Connections that are passed on unread: only servers take them.

use super::*;

fn joined(farm: &mut TestFarm, dip: &str, client: &str) -> String {
    let node = farm.node(dip);
    let client = client.parse().expect("an address");
    let moment = farm.moment();
    let decision = join(
        node,
        client,
        &farm.snapshot,
        &farm.loads,
        moment,
        &mut Attempt::default(),
    );
    if let Action::Forward { server } = decision.action {
        drop(farm.loads.place(server));
    }
    farm.words(decision)
}

#[test]
fn a_dip_takes_them_itself_then_a_server_along_its_chain() {
    let farm = Builder::default()
        .dips(&["1.1.1.2", "1.1.1.3"])
        .reals(&["2.2.2.2"])
        .url("book", "http://www.book.com")
        .backup("1.1.1.2", "book")
        .backup("book", "1.1.1.3")
        .backup("1.1.1.3", "2.2.2.2");
    let mut farm = farm.farm();
    assert_eq!(joined(&mut farm, "1.1.1.2", "10.0.0.1"), "1.1.1.2 direct");
    farm.set("1.1.1.2", Health::Failed);
    // A request would be redirected.
    assert_eq!(farm.get("1.1.1.2"), "-> book backup");
    assert_eq!(joined(&mut farm, "1.1.1.2", "10.0.0.1"), "1.1.1.3 backup");
    farm.set("1.1.1.3", Health::Failed);
    assert_eq!(joined(&mut farm, "1.1.1.2", "10.0.0.1"), "2.2.2.2 backup");
    farm.set("2.2.2.2", Health::Failed);
    assert_eq!(
        joined(&mut farm, "1.1.1.2", "10.0.0.1"),
        "refused none-usable"
    );
}

#[test]
fn a_virtual_that_only_redirects_takes_nobody_and_promises_nothing() {
    let mut farm = super::cases::seed().farm();
    farm.set("1.1.1.2", Health::Failed);
    for client in ["10.0.0.1", "10.0.0.2"] {
        assert_eq!(joined(&mut farm, "1.1.1.2", client), "refused none-usable");
    }
    let other = farm.node("1.1.1.3");
    let now = farm.moment().now;
    assert_eq!(farm.loads.promises(other, now), 0);
    assert_eq!(farm.loads.gauges(other).connections(), 0);
}
