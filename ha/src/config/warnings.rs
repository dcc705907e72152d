//! Classes that nearly are those of a scope: `ha_server1` for the peer `server1`, whose clients are in `HA_server1`.

use engine::config::json::{Mistake, Node};

use super::Relationship;

/// A warning for each class name in `part` (the file's `Dhcp4` or `Dhcp6`) that differs from a scope's class in
/// upper and lower case only.
pub fn class_warnings(relationships: &[Relationship], part: &Node) -> Vec<Mistake> {
    let peers = relationships.iter().flat_map(|relationship| &relationship.servers);
    let classes: Vec<String> = peers.map(|peer| format!("HA_{}", peer.name)).collect();
    let mut warnings = Vec::new();
    walk(part, "", &classes, &mut warnings);
    warnings
}

fn walk(node: &Node, key: &str, classes: &[String], warnings: &mut Vec<Mistake>) {
    for entry in node.as_map().unwrap_or_default() {
        // A class's definition is a name in a list of that key; a guard is a string there.
        let inside = match entry.key.as_str() {
            "hooks-libraries" | "user-context" | "option-data" => continue,
            "name" if key != "client-classes" => continue,
            word => word,
        };
        walk(&entry.node, inside, classes, warnings);
    }
    for element in node.as_list().unwrap_or_default() {
        walk(element, key, classes, warnings);
    }
    let Some(text) = node.as_str() else { return };
    match key {
        "client-class" | "client-classes" | "name" => {
            if let Some(class) = nearly(text, classes) {
                warnings.push(warning(node, text, class));
            }
        }
        "test" => {
            // Quoted texts are every second piece.
            for text in text.split('\'').skip(1).step_by(2) {
                if let Some(class) = nearly(text, classes) {
                    warnings.push(warning(node, text, class));
                }
            }
        }
        _ => {}
    }
}

fn nearly<'a>(text: &str, classes: &'a [String]) -> Option<&'a str> {
    let class = classes.iter().find(|class| class.eq_ignore_ascii_case(text))?;
    (class != text && !classes.iter().any(|class| class == text)).then_some(class)
}

fn warning(node: &Node, text: &str, class: &str) -> Mistake {
    let message = format!("got class \"{text}\", but the clients of that peer are in \"{class}\"");
    Mistake::new(&node.at, message)
}
