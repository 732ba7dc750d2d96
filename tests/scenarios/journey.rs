//! The way of a user: install, look, update, step back, remove.

use e2e::World;

#[test]
fn install_update_rollback_and_uninstall_leave_the_home_as_it_was() {
    let world = World::new();
    let before = world.snapshot();
    world.run(&["install", "--yes"]).expect(0).says("0.1.0 is installed");
    world.offgrid_run(&["version"]).expect(0).says("0.2.11");
    world.publish_newer();
    world.offgrid_run(&["update", "--check"]).expect(10).says("0.2.0 is available");
    world.offgrid_run(&["update", "--yes"]).expect(0).says("0.2.0 is live");
    world.offgrid_run(&["version"]).expect(0).says("0.2.12");
    world.offgrid_run(&["rollback", "--yes"]).expect(0).says("0.1.0 is live again");
    world.offgrid_run(&["version"]).expect(0).says("0.2.11");
    world.offgrid_run(&["self", "verify"]).expect(0).says("as they were installed");
    world.offgrid_run(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
}
