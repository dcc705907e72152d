//! The classes of a query, in the order in which it gets them (Kea guide, "Client Classification"). Pure.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};

use super::options::OptionTable;
use super::{ClassTrouble, Context, DropReason, Snapshot};
use crate::classify::{ClassId, ClassNames, SPAWN, Subject, unescaped};
use crate::codec::options::{Definition, is_deferred, trim_zeros};
use crate::codec::v4::{MessageType, Query, code};
use crate::config::model::{ClientClass, Dhcp4};
use crate::lease::ClientId;
use crate::packet::Arrival;

/// What class tests see in option 53 of a BOOTP request.
const BOOTP_TYPE: [u8; 1] = [MessageType::Request as u8];
const VENDOR_CLASS: &str = "VENDOR_CLASS_";

/// What of the configuration's classes is found once.
#[derive(Debug)]
pub(super) struct ClassPlan {
    /// Ids of the classes that admission gives; `None` if nothing mentions the name.
    admission: Vec<Option<ClassId>>,
    /// Classes by the value of option 60, as far as the configuration mentions them.
    vendor: HashMap<Box<[u8]>, ClassId>,
    /// The same by the value of each template, by its place in `Dhcp4::classes`.
    spawned: Vec<HashMap<Box<[u8]>, ClassId>>,
    all: Option<ClassId>,
    known: Option<ClassId>,
    unknown: Option<ClassId>,
    drop: Option<ClassId>,
    reject: Option<ClassId>,
    bootp: Option<ClassId>,
    /// Places in `Dhcp4::classes` of those with a test, in order: first those that do not depend on a reservation.
    early: Vec<usize>,
    late: Vec<usize>,
    /// Place and options of each class that is defined, by id.
    defined: Vec<Option<(usize, OptionTable)>>,
}

impl ClassPlan {
    pub(super) fn build(config: &Dhcp4, admission: &[String]) -> Self {
        let names = &config.class_names;
        let (late, early) = tested(config).partition({
            let dependent = dependent_on_known(config);
            move |at| dependent.contains(&config.classes[*at].id)
        });
        let spawned = config.classes.iter().map(|class| match class.template {
            Some(_) => by_value(names, &format!("{SPAWN}{}_", names.name(class.id))),
            None => HashMap::new(),
        });
        let mut defined = vec![None; names.iter().count()];
        for (at, class) in config.classes.iter().enumerate() {
            defined[class.id.0 as usize] = Some((at, OptionTable::merge(&[&class.options])));
        }
        Self {
            admission: admission.iter().map(|name| names.id(name)).collect(),
            vendor: by_value(names, VENDOR_CLASS),
            spawned: spawned.collect(),
            all: names.id("ALL"),
            known: names.id("KNOWN"),
            unknown: names.id("UNKNOWN"),
            drop: names.id("DROP"),
            reject: names.id("REJECT"),
            bootp: names.id("BOOTP"),
            early,
            late,
            defined,
        }
    }

    /// Whether it is known before the subnet is who is in `class`.
    pub(super) fn is_early(&self, class: ClassId) -> bool {
        self.place(class).is_some_and(|at| self.early.contains(&at))
    }

    /// The place of `class` in `Dhcp4::classes`, if it has a definition.
    fn place(&self, class: ClassId) -> Option<usize> {
        self.defined.get(class.0 as usize)?.as_ref().map(|(at, _)| *at)
    }
}

/// The classes whose names are `prefix` and a value, by the value.
fn by_value(names: &ClassNames, prefix: &str) -> HashMap<Box<[u8]>, ClassId> {
    let mut found = HashMap::new();
    for (id, name) in names.iter() {
        if let Some(value) = name.strip_prefix(prefix) {
            found.insert(value.as_bytes().into(), id);
            found.insert(unescaped(value).into(), id);
        }
    }
    found
}

impl ClassPlan {
    /// The definition of `class` and its options, if it has one.
    pub(super) fn definition<'a>(
        &'a self,
        class: ClassId,
        snapshot: &'a Snapshot,
    ) -> Option<(&'a ClientClass, &'a OptionTable)> {
        let (at, options) = self.defined.get(class.0 as usize)?.as_ref()?;
        Some((&snapshot.config.classes[*at], options))
    }
}

/// Places of the classes that a query may get by their test.
fn tested(config: &Dhcp4) -> impl Iterator<Item = usize> + '_ {
    let classes = config.classes.iter().enumerate();
    classes
        .filter(|(_, class)| class.test.is_some() || class.template.is_some())
        .filter(|(_, class)| !class.only_in_additional_list)
        .map(|(at, _)| at)
}

/// The classes whose test refers to KNOWN or UNKNOWN, itself or through a class before it. A template's only itself, as in
/// Kea, since it may refer to classes that come after it.
fn dependent_on_known(config: &Dhcp4) -> HashSet<ClassId> {
    let names = &config.class_names;
    let known: HashSet<_> = ["KNOWN", "UNKNOWN"].iter().filter_map(|name| names.id(name)).collect();
    let mut dependent = known.clone();
    for class in &config.classes {
        let mut test = class.test.iter().flat_map(|test| test.members());
        let mut template = class.template.iter().flat_map(|template| template.members());
        if test.any(|id| dependent.contains(&id)) || template.any(|id| known.contains(&id)) {
            dependent.insert(class.id);
        }
    }
    dependent
}

/// How many classes a query gets without taking memory.
const FEW: usize = 16;

/// A query's classes, in the order in which it got them.
#[derive(Clone, Debug, Default)]
pub(super) struct Classes {
    few: [ClassId; FEW],
    len: usize,
    more: Vec<ClassId>,
}

/// What a test is held against.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) query: &'a Query<'a>,
    pub(super) arrival: &'a Arrival,
    pub(super) context: &'a Context<'a>,
    /// What stands for option 61.
    pub(super) client_id: Option<&'a ClientId>,
}

impl Classes {
    /// The classes that need no subnet: built-in ones, admission's, the vendor's, and those whose test matches.
    pub(super) fn of(asked: Asked<'_>, admission: Option<usize>) -> Self {
        let plan = &asked.context.snapshot.classes;
        let mut classes = Self::default();
        classes.add(plan.all);
        classes.add(admission.and_then(|at| plan.admission.get(at).copied().flatten()));
        classes.add(plan.bootp.filter(|_| asked.query.is_bootp()));
        if !plan.vendor.is_empty() {
            let vendor = asked.query.option(code::VENDOR_CLASS_IDENTIFIER);
            let class = |value: Cow<'_, [u8]>| plan.vendor.get(trim_zeros(&value)).copied();
            classes.add(vendor.and_then(class));
        }
        plan.early.iter().for_each(|at| classes.evaluate(*at, asked, false));
        classes
    }

    /// Adds the class that admission gives once the subnet is known.
    pub(super) fn admit(&mut self, class: Option<usize>, snapshot: &Snapshot) {
        self.add(class.and_then(|at| snapshot.classes.admission.get(at).copied().flatten()));
    }

    /// Gives the query the classes of its client's reservation, and evaluates again what had a test: it may depend on
    /// them.
    pub(super) fn reserve(&mut self, reserved: &[ClassId], asked: Asked<'_>) {
        let snapshot = asked.context.snapshot;
        let by_test = |id: ClassId| {
            let definition = snapshot.classes.definition(id, snapshot);
            definition.is_some_and(|(class, _)| class.test.is_some() || class.template.is_some())
        };
        let mut kept = Self::default();
        self.iter().filter(|id| !by_test(*id)).for_each(|id| kept.add(Some(id)));
        reserved.iter().for_each(|class| kept.add(Some(*class)));
        *self = kept;
        snapshot.classes.early.iter().for_each(|at| self.evaluate(*at, asked, false));
    }

    /// Adds KNOWN or UNKNOWN and the classes that depend on it.
    pub(super) fn complete(&mut self, is_known: bool, asked: Asked<'_>) {
        let plan = &asked.context.snapshot.classes;
        self.add(if is_known { plan.known } else { plan.unknown });
        plan.late.iter().for_each(|at| self.evaluate(*at, asked, true));
    }

    /// Adds the classes `late` and those of `listed`, which are evaluated last; one without a test is added as it is.
    pub(super) fn finish(&mut self, late: &[ClassId], listed: &[ClassId], asked: Asked<'_>) {
        late.iter().for_each(|class| self.add(Some(*class)));
        let snapshot = asked.context.snapshot;
        for class in listed {
            let Some(at) = snapshot.classes.place(*class) else { continue };
            let definition = &snapshot.config.classes[at];
            match (&definition.test, &definition.template) {
                (None, None) => self.add(Some(*class)),
                _ => self.evaluate(at, asked, true),
            }
        }
    }

    /// The query, as an expression sees it that is evaluated now.
    pub(super) fn view<'a>(&'a self, asked: Asked<'a>) -> impl Subject + 'a {
        View { asked, classes: self, deferred: false }
    }

    /// Whether the query is in `class`.
    pub(super) fn contains(&self, class: ClassId) -> bool {
        self.iter().any(|known| known == class)
    }

    fn iter(&self) -> impl Iterator<Item = ClassId> + '_ {
        self.few[..self.len].iter().chain(&self.more).copied()
    }

    /// The definitions of the classes, in order.
    pub(super) fn definitions<'a>(
        &'a self,
        snapshot: &'a Snapshot,
    ) -> impl Iterator<Item = (&'a ClientClass, &'a OptionTable)> + 'a {
        self.iter().filter_map(|class| snapshot.classes.definition(class, snapshot))
    }

    /// # Errors
    /// [`DropReason::ClassDrop`] if the query is in the class DROP.
    pub(super) fn check_drop(&self, snapshot: &Snapshot) -> Result<(), DropReason> {
        match snapshot.classes.drop {
            Some(drop) if self.contains(drop) => Err(DropReason::ClassDrop),
            _ => Ok(()),
        }
    }

    /// Whether the query is in the class REJECT.
    pub(super) fn is_rejected(&self, snapshot: &Snapshot) -> bool {
        snapshot.classes.reject.is_some_and(|reject| self.contains(reject))
    }

    fn add(&mut self, class: Option<ClassId>) {
        let Some(class) = class.filter(|class| !self.contains(*class)) else { return };
        match self.few.get_mut(self.len) {
            Some(place) => {
                *place = class;
                self.len += 1;
            }
            None => self.more.push(class),
        }
    }

    /// Adds the class at place `at` if its test matches. One that cannot be evaluated does not match. Options that
    /// classes may define are read only if the `deferred` ones are.
    fn evaluate(&mut self, at: usize, asked: Asked<'_>, deferred: bool) {
        let snapshot = asked.context.snapshot;
        let class = &snapshot.config.classes[at];
        let subject = View { asked, classes: self, deferred };
        let spawned = |value: &[u8]| {
            let spawned = snapshot.classes.spawned[at].get(value).copied();
            (!value.is_empty()).then_some(spawned)
        };
        let found = match (&class.test, &class.template) {
            (Some(test), _) => test.evaluate(&subject).map(|matches| matches.then_some(None)),
            (None, Some(template)) => template.evaluate(&subject, spawned),
            (None, None) => Ok(None),
        };
        match found {
            Ok(Some(spawned)) => {
                self.add(spawned);
                self.add(Some(class.id));
            }
            Ok(None) => {}
            Err(error) => {
                let trouble = asked.context.trouble;
                trouble.set(trouble.get().or(Some(ClassTrouble { class: Some(class.id), error })));
            }
        }
    }
}

/// A query as the expression language sees it.
struct View<'a> {
    asked: Asked<'a>,
    classes: &'a Classes,
    /// Whether the options that classes may define are read already.
    deferred: bool,
}

impl Subject for View<'_> {
    /// Of an option that classes may define, the definition of the query's first class that has one.
    fn definition(&self, space: &str, code: u8) -> Option<&Definition> {
        let known = &self.asked.context.snapshot.config.definitions;
        if !is_deferred(space, code) {
            return known.by_code(space, code);
        }
        if !self.deferred {
            return None;
        }
        let mut classes = self.classes.definitions(self.asked.context.snapshot);
        classes
            .find_map(|(class, _)| class.definitions.own(space, code))
            .or_else(|| known.by_code(space, code))
    }

    fn option(&self, code: u16) -> Option<Cow<'_, [u8]>> {
        let wanted = u8::try_from(code).ok()?;
        let Asked { query, client_id, .. } = self.asked;
        match (wanted, client_id) {
            (code::CLIENT_IDENTIFIER, Some(replaced)) => Some(Cow::Borrowed(replaced.as_bytes())),
            // A BOOTP request is served as a REQUEST, and seen as one.
            (code::MESSAGE_TYPE, _) if query.is_bootp() => Some(Cow::Borrowed(&BOOTP_TYPE)),
            _ => query.option(wanted),
        }
    }

    fn interface(&self) -> &str {
        self.asked.context.interface
    }

    fn source(&self) -> IpAddr {
        (*self.asked.arrival.source.ip()).into()
    }

    fn destination(&self) -> IpAddr {
        self.asked.arrival.destination.into()
    }

    fn length(&self) -> u32 {
        u32::try_from(self.asked.query.bytes().len()).unwrap_or(u32::MAX)
    }

    fn hardware_address(&self) -> &[u8] {
        self.asked.query.chaddr()
    }

    fn hardware_len(&self) -> u8 {
        u8::try_from(self.asked.query.chaddr().len()).unwrap_or(u8::MAX)
    }

    fn hardware_type(&self) -> u8 {
        self.asked.query.htype()
    }

    fn ciaddr(&self) -> Ipv4Addr {
        self.asked.query.ciaddr()
    }

    fn giaddr(&self) -> Ipv4Addr {
        self.asked.query.giaddr()
    }

    fn yiaddr(&self) -> Ipv4Addr {
        self.asked.query.yiaddr()
    }

    fn siaddr(&self) -> Ipv4Addr {
        self.asked.query.siaddr()
    }

    fn message_type(&self) -> u8 {
        self.asked.query.message_type() as u8
    }

    fn transaction_id(&self) -> u32 {
        self.asked.query.xid()
    }

    fn is_member(&self, class: ClassId) -> bool {
        self.classes.contains(class)
    }
}
