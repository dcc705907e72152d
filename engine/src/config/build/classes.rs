//! `client-classes` and what refers to classes.

use super::Builder;
use super::network::Levels;
use crate::classify::{ClassId, Expression, ExpressionError, Family, SPAWN, Template, is_built_in};
use crate::config::json::Node;
use crate::config::model::ClientClass;

impl<'a> Builder<'a> {
    /// `client-classes`, in their order.
    pub(super) fn classes(&mut self, part: &'a Node) -> Vec<ClientClass> {
        let mut classes = Vec::new();
        for node in part.list("client-classes") {
            let Some(name) = node.get("name") else { continue };
            let Some(text) = name.as_str() else { continue };
            if text.is_empty() {
                self.mistake(&name.at, "got an empty class name, expected a name");
                continue;
            }
            if self.defined.contains(text) {
                self.mistake(
                    &name.at,
                    format!("got class \"{text}\" a second time, expected it once"),
                );
            }
            classes.push(self.class(node, text));
            self.defined.insert(text);
            if node.get("template-test").is_some() {
                self.templates.push(text);
            }
        }
        classes
    }

    fn class(&mut self, node: &Node, name: &str) -> ClientClass {
        let levels = [node];
        let levels = Levels(&levels);
        let definitions = self.class_definitions(node);
        let late = levels.flag("only-in-additional-list").or(levels.flag("only-if-required"));
        self.check_special(node, name, late == Some(true));
        ClientClass {
            id: self.names.intern(name),
            test: node.get("test").and_then(|test| self.test(test)),
            template: node.get("template-test").and_then(|test| self.template(test)),
            only_in_additional_list: late.unwrap_or(false),
            options: self.options_of(node, &definitions),
            definitions,
            lifetime: self.class_lifetime(node),
            offer_lifetime_s: levels.int("offer-lifetime"),
            next_server: self.next_server(levels).filter(|address| !address.is_unspecified()),
            server_hostname: levels
                .text("server-hostname")
                .filter(|text| !text.is_empty())
                .map(Into::into),
            boot_file_name: levels
                .text("boot-file-name")
                .filter(|text| !text.is_empty())
                .map(Into::into),
        }
    }

    /// What certain classes cannot have.
    fn check_special(&mut self, node: &Node, name: &str, late: bool) {
        for (old, new) in
            [("test", "template-test"), ("only-if-required", "only-in-additional-list")]
        {
            if let (Some(entry), Some(_)) = (node.entry(old), node.entry(new)) {
                let message = format!("got \"{old}\" beside \"{new}\", expected one of them");
                self.mistake(&entry.at, message);
            }
        }
        let built_in = matches!(name, "ALL" | "KNOWN" | "UNKNOWN" | "BOOTP");
        let special = built_in || matches!(name, "DROP" | "REJECT");
        let test = node.entry("test").or(node.entry("template-test"));
        if let Some(entry) = test.filter(|_| built_in) {
            let message = format!("got a test of the built-in class \"{name}\", expected none");
            self.mistake(&entry.at, message);
        }
        if special && late {
            let expected = "expected it to be evaluated for every query";
            self.mistake(
                &node.at,
                format!("got class \"{name}\" for additional lists only, {expected}"),
            );
        }
    }

    fn template(&mut self, node: &Node) -> Option<Template> {
        let compiled = Template::compile(node.as_str()?, &self.definitions, &mut self.names);
        compiled.map_err(|error| self.bad_test(node, &error)).ok()
    }

    fn bad_test(&mut self, node: &Node, error: &ExpressionError) {
        let message = format!("bad class test: {}", error.message);
        self.mistake(&node.inside(error.offset), message);
    }

    fn test(&mut self, node: &Node) -> Option<Expression> {
        match Expression::compile(node.as_str()?, Family::V4, &self.definitions, &mut self.names) {
            Ok(test) => {
                for mention in test.mentions() {
                    let name = self.names.name(mention.class).clone();
                    if !is_built_in(&name) && !self.defined.contains(&*name) {
                        let expected = "expected one defined before this one, or built in";
                        let message = format!("got class \"{name}\" in member(), {expected}");
                        self.mistake(&node.inside(mention.offset), message);
                    }
                }
                Some(test)
            }
            Err(error) => {
                self.bad_test(node, &error);
                None
            }
        }
    }

    /// `client-class` and `client-classes` of a subnet or pool.
    pub(super) fn guard(&mut self, holder: &Node) -> Vec<ClassId> {
        if let (Some(_), Some(old)) = (holder.get("client-classes"), holder.entry("client-class")) {
            let message = "got \"client-class\" beside \"client-classes\", expected one of them";
            self.mistake(&old.at, message);
        }
        let nodes = holder.get("client-class").into_iter().chain(holder.list("client-classes"));
        self.class_names(nodes)
    }

    /// `evaluate-additional-classes` and `require-client-classes` of a shared network, subnet or pool.
    pub(super) fn additional(&mut self, holder: &Node) -> Vec<ClassId> {
        let (new, old) = ("evaluate-additional-classes", "require-client-classes");
        if let (Some(_), Some(old)) = (holder.get(new), holder.entry(old)) {
            let message = format!("got \"{}\" beside \"{new}\", expected one of them", old.key);
            self.mistake(&old.at, message);
        }
        self.class_names(holder.list(old).iter().chain(holder.list(new)))
    }

    /// The classes that `nodes` name.
    pub(super) fn class_names<'n>(
        &mut self,
        nodes: impl Iterator<Item = &'n Node>,
    ) -> Vec<ClassId> {
        let mut classes = Vec::new();
        for node in nodes {
            let Some(name) = node.as_str().filter(|name| !name.is_empty()) else { continue };
            if !is_built_in(name) && !self.defined.contains(name) && !self.is_spawned(name) {
                let message = format!("nothing defines class \"{name}\": nobody is ever in it");
                self.warning(&node.at, message);
            }
            classes.push(self.names.intern(name));
        }
        classes
    }

    /// Whether a template makes classes with such names.
    fn is_spawned(&self, name: &str) -> bool {
        let value = |template: &&str| {
            let value = name.strip_prefix(SPAWN)?.strip_prefix(template)?;
            value.strip_prefix('_')
        };
        self.templates.iter().any(|template| value(template).is_some())
    }
}
