//! The layout of the files, on a tree that looks like resctrl: hardware that has it is rare.

use super::*;
use tempfile::TempDir;

/// A tree whose groups have the files of resctrl; unlike the kernel's it does not make them with a directory.
fn tree(groups: &[&str]) -> TempDir {
    let tree = tempfile::tempdir().unwrap();
    for group in groups {
        let path = tree.path().join(group);
        fs::create_dir_all(path.join("mon_groups")).unwrap();
        fs::File::create(path.join("tasks")).unwrap();
        fs::File::create(path.join("schemata")).unwrap();
    }
    tree
}

fn named(group: &str) -> ResctrlPlan {
    ResctrlPlan { group: Some(group.to_owned()), ..ResctrlPlan::default() }
}

fn read(tree: &TempDir, path: &str) -> String {
    fs::read_to_string(tree.path().join(path)).unwrap()
}

#[test]
fn the_mount_is_found_wherever_it_is() {
    let text = "24 1 0:5 / /proc rw - proc proc rw\n\
                30 1 0:9 / /mnt/res\\040ctrl rw,relatime shared:1 - resctrl resctrl rw\n";
    assert_eq!(mounted(text), Some("/mnt/res ctrl".into()));
    assert_eq!(mounted("24 1 0:5 / /proc rw - proc proc rw\n"), None);
}

#[test]
fn a_process_enters_a_class_that_exists_and_it_stays() {
    let tree = tree(&["gold"]);
    let made = Resctrl::apply_at(tree.path(), &named("gold"), 42).unwrap();
    assert_eq!(read(&tree, "gold/tasks"), "42");
    assert_eq!((made.groups.len(), made.made.len()), (1, 0));
    assert_eq!(read(&tree, "gold/schemata"), "", "nothing was asked for");
    made.admit(43).unwrap();
    assert_eq!(read(&tree, "gold/tasks"), "43", "a file of this tree holds one write");
    made.remove().unwrap();
    assert!(tree.path().join("gold").is_dir());
}

#[test]
fn the_root_group_is_entered_and_never_removed() {
    let tree = tree(&["."]);
    let made = Resctrl::apply_at(tree.path(), &ResctrlPlan::default(), 42).unwrap();
    assert_eq!((read(&tree, "tasks").as_str(), made.made.len()), ("42", 0));
}

#[test]
fn a_class_without_a_description_must_exist() {
    let tree = tree(&[]);
    let error = Resctrl::apply_at(tree.path(), &named("gold"), 42).unwrap_err();
    assert!(
        matches!(&error, ResctrlError::NoSuchClass { path } if path.ends_with("gold")),
        "{error}"
    );
    assert!(!tree.path().join("gold").exists());
}

#[test]
fn the_lines_are_written_in_order() {
    let tree = tree(&["gold"]);
    let schemata = ["L3:0=7f0;1=1f", "MB:0=20;1=70", "L2:0=f"].map(str::to_owned).to_vec();
    let plan = ResctrlPlan { schemata, ..named("gold") };
    Resctrl::apply_at(tree.path(), &plan, 42).unwrap();
    assert_eq!(read(&tree, "gold/schemata"), "L3:0=7f0;1=1f\nMB:0=20;1=70\nL2:0=f\n");
}

#[test]
fn a_class_that_exists_must_be_as_it_is_described() {
    let tree = tree(&["gold"]);
    let path = tree.path().join("gold/schemata");
    write(&path, "    L3:0=7f0;1=01f\n    MB:0= 20;1= 70\n").unwrap();
    let plan = |agreed: &[&str]| {
        let agreed: Vec<String> = agreed.iter().map(|line| (*line).to_owned()).collect();
        ResctrlPlan { schemata: agreed.clone(), agreed, ..named("gold") }
    };
    Resctrl::apply_at(tree.path(), &plan(&["L3:1=1f;0=7f0", "MB:0=20;1=70"]), 42).unwrap();
    let error = Resctrl::apply_at(tree.path(), &plan(&["L3:0=7f0;1=ff"]), 42).unwrap_err();
    assert!(matches!(error, ResctrlError::Differs { .. }), "{error}");
}

#[test]
fn what_was_made_for_the_container_goes_with_it_and_after_an_error_too() {
    let tree = tree(&[]);
    let own = ResctrlPlan { own: true, ..named("web") };
    // The directory is made; without the kernel it has no `tasks`.
    let error = Resctrl::apply_at(tree.path(), &own, 42).unwrap_err();
    assert!(
        matches!(&error, ResctrlError::File { action: "write", path, .. } if path.ends_with("web/tasks")),
        "{error}"
    );
    assert!(!tree.path().join("web").exists());
}

#[test]
fn a_group_that_is_watched_is_inside_the_class_and_goes_alone() {
    let tree = tree(&["gold", "gold/mon_groups/web"]);
    let plan = ResctrlPlan { monitor: Some("web".to_owned()), ..named("gold") };
    let made = Resctrl::apply_at(tree.path(), &plan, 42).unwrap();
    assert_eq!(
        (read(&tree, "gold/tasks"), read(&tree, "gold/mon_groups/web/tasks")),
        ("42".into(), "42".into())
    );
    assert_eq!(made.made, [tree.path().join("gold/mon_groups/web")]);
    let text = serde_json::to_string(&made).unwrap();
    assert_eq!(serde_json::from_str::<Resctrl>(&text).unwrap(), made);
}

#[test]
fn the_kernels_words_come_along() {
    let tree = tree(&[]);
    fs::create_dir(tree.path().join("info")).unwrap();
    fs::File::create(tree.path().join("info/last_cmd_status")).unwrap();
    write(&tree.path().join("info/last_cmd_status"), "Unknown resource\n").unwrap();
    let error = Resctrl::apply_at(tree.path(), &ResctrlPlan { own: true, ..named("web") }, 42);
    assert!(error.unwrap_err().to_string().ends_with("web/tasks (Unknown resource)"));
}
