//! The classes of a query, in the order in which it gets them (Kea guide, "Client Classification"). Pure.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};

use super::options::OptionTable;
use super::{Context, DropReason, Snapshot};
use crate::classify::{ClassId, Subject};
use crate::codec::options::{Definition, is_deferred};
use crate::codec::v4::{Query, code};
use crate::config::model::{ClientClass, Dhcp4};
use crate::packet::Arrival;

const VENDOR_CLASS: &str = "VENDOR_CLASS_";

/// What of the configuration's classes is found once.
#[derive(Debug)]
pub(super) struct ClassPlan {
    /// Ids of the classes that admission gives; `None` if nothing mentions the name.
    admission: Vec<Option<ClassId>>,
    /// Classes by the value of option 60, as far as the configuration mentions them.
    vendor: HashMap<Box<[u8]>, ClassId>,
    all: Option<ClassId>,
    known: Option<ClassId>,
    unknown: Option<ClassId>,
    drop: Option<ClassId>,
    /// Places in `Dhcp4::classes` of those with a test, in order: first those that do not depend on a reservation.
    early: Vec<usize>,
    late: Vec<usize>,
    /// Place and options of each defined class, by id.
    defined: HashMap<ClassId, (usize, OptionTable)>,
}

impl ClassPlan {
    pub(super) fn build(config: &Dhcp4, admission: &[String]) -> Self {
        let names = &config.class_names;
        let vendor = names.iter().filter_map(|(id, name)| {
            Some((name.strip_prefix(VENDOR_CLASS)?.as_bytes().into(), id))
        });
        let dependent = dependent_on_known(config);
        let (late, early) =
            tested(config).partition(|at| dependent.contains(&config.classes[*at].id));
        let defined = config.classes.iter().enumerate();
        Self {
            admission: admission.iter().map(|name| names.id(name)).collect(),
            vendor: vendor.collect(),
            all: names.id("ALL"),
            known: names.id("KNOWN"),
            unknown: names.id("UNKNOWN"),
            drop: names.id("DROP"),
            early,
            late,
            defined: defined
                .map(|(at, class)| (class.id, (at, OptionTable::merge(&[&class.options]))))
                .collect(),
        }
    }
}

/// Places of the classes that a query may get by their test.
fn tested(config: &Dhcp4) -> impl Iterator<Item = usize> + '_ {
    let classes = config.classes.iter().enumerate();
    classes
        .filter(|(_, class)| class.test.is_some() && !class.only_in_additional_list)
        .map(|(at, _)| at)
}

/// The classes whose test refers to KNOWN or UNKNOWN, itself or through a class before it.
fn dependent_on_known(config: &Dhcp4) -> HashSet<ClassId> {
    let mut dependent = HashSet::new();
    for class in &config.classes {
        let Some(test) = &class.test else { continue };
        if test.depends_on_known() || test.members().any(|id| dependent.contains(&id)) {
            dependent.insert(class.id);
        }
    }
    dependent
}

/// A query's classes, in the order in which it got them.
#[derive(Clone, Debug, Default)]
pub(super) struct Classes(Vec<ClassId>);

impl Classes {
    /// The classes that need no subnet: built-in ones, admission's, the vendor's, and those whose test matches.
    pub(super) fn of(
        query: &Query<'_>,
        arrival: &Arrival,
        admission: Option<usize>,
        context: &Context<'_>,
    ) -> Self {
        let plan = &context.snapshot.classes;
        let mut classes = Self::default();
        classes.add(plan.all);
        classes.add(admission.and_then(|at| plan.admission.get(at).copied().flatten()));
        if !plan.vendor.is_empty() {
            let vendor = query.option(code::VENDOR_CLASS_IDENTIFIER);
            classes.add(vendor.and_then(|value| plan.vendor.get(value.as_ref()).copied()));
        }
        classes.evaluate(&plan.early, query, arrival, context, false);
        classes
    }

    /// Gives the query the classes of its client's reservation, and evaluates again what had a test: it may depend on
    /// them.
    pub(super) fn reserve(
        &mut self,
        reserved: &[ClassId],
        query: &Query<'_>,
        arrival: &Arrival,
        context: &Context<'_>,
    ) {
        let classes = &context.snapshot.config.classes;
        let defined = &context.snapshot.classes.defined;
        let by_test =
            |id: &ClassId| defined.get(id).is_some_and(|(at, _)| classes[*at].test.is_some());
        self.0.retain(|id| !by_test(id));
        reserved.iter().for_each(|class| self.add(Some(*class)));
        self.evaluate(&context.snapshot.classes.early, query, arrival, context, false);
    }

    /// Adds KNOWN or UNKNOWN and the classes that depend on it.
    pub(super) fn complete(
        &mut self,
        is_known: bool,
        query: &Query<'_>,
        arrival: &Arrival,
        context: &Context<'_>,
    ) {
        let plan = &context.snapshot.classes;
        self.add(if is_known { plan.known } else { plan.unknown });
        self.evaluate(&plan.late, query, arrival, context, true);
    }

    /// Whether the query is in `class`.
    pub(super) fn contains(&self, class: ClassId) -> bool {
        self.0.contains(&class)
    }

    /// The definitions of the classes, in order.
    pub(super) fn definitions<'a>(
        &'a self,
        snapshot: &'a Snapshot,
    ) -> impl Iterator<Item = (&'a ClientClass, &'a OptionTable)> + 'a {
        let defined = self.0.iter().filter_map(|class| snapshot.classes.defined.get(class));
        defined.map(|(at, options)| (&snapshot.config.classes[*at], options))
    }

    /// # Errors
    /// [`DropReason::ClassDrop`] if the query is in the class DROP.
    pub(super) fn check_drop(&self, snapshot: &Snapshot) -> Result<(), DropReason> {
        match snapshot.classes.drop {
            Some(drop) if self.contains(drop) => Err(DropReason::ClassDrop),
            _ => Ok(()),
        }
    }

    /// The classes and `more` of them: those themselves if there is nothing to add.
    pub(super) fn with(&self, more: &[ClassId]) -> Cow<'_, Self> {
        if more.iter().all(|class| self.contains(*class)) {
            return Cow::Borrowed(self);
        }
        let mut all = self.clone();
        more.iter().for_each(|class| all.add(Some(*class)));
        Cow::Owned(all)
    }

    fn add(&mut self, class: Option<ClassId>) {
        if let Some(class) = class.filter(|class| !self.contains(*class)) {
            self.0.push(class);
        }
    }

    /// Adds the classes at `places` whose test matches. One that cannot be evaluated does not match. Options that
    /// classes may define are read only if the `deferred` ones are.
    fn evaluate(
        &mut self,
        places: &[usize],
        query: &Query<'_>,
        arrival: &Arrival,
        context: &Context<'_>,
        deferred: bool,
    ) {
        let snapshot = context.snapshot;
        for at in places {
            let class = &snapshot.config.classes[*at];
            let interface = context.interface;
            let subject = View { query, arrival, interface, classes: self, snapshot, deferred };
            let matches =
                class.test.as_ref().is_some_and(|test| test.evaluate(&subject) == Ok(true));
            self.add(Some(class.id).filter(|_| matches));
        }
    }
}

/// A query as the expression language sees it.
struct View<'a> {
    query: &'a Query<'a>,
    arrival: &'a Arrival,
    interface: &'a str,
    classes: &'a Classes,
    snapshot: &'a Snapshot,
    /// Whether the options that classes may define are read already.
    deferred: bool,
}

impl Subject for View<'_> {
    /// Of an option that classes may define, the definition of the query's first class that has one.
    fn definition(&self, space: &str, code: u8) -> Option<&Definition> {
        let known = &self.snapshot.config.definitions;
        if !is_deferred(space, code) {
            return known.by_code(space, code);
        }
        if !self.deferred {
            return None;
        }
        let mut classes = self.classes.definitions(self.snapshot);
        classes
            .find_map(|(class, _)| class.definitions.own(space, code))
            .or_else(|| known.by_code(space, code))
    }

    fn option(&self, code: u16) -> Option<Cow<'_, [u8]>> {
        self.query.option(u8::try_from(code).ok()?)
    }

    fn interface(&self) -> &str {
        self.interface
    }

    fn source(&self) -> IpAddr {
        (*self.arrival.source.ip()).into()
    }

    fn destination(&self) -> IpAddr {
        self.arrival.destination.into()
    }

    fn length(&self) -> u32 {
        u32::try_from(self.query.bytes().len()).unwrap_or(u32::MAX)
    }

    fn hardware_address(&self) -> &[u8] {
        self.query.chaddr()
    }

    fn hardware_len(&self) -> u8 {
        u8::try_from(self.query.chaddr().len()).unwrap_or(u8::MAX)
    }

    fn hardware_type(&self) -> u8 {
        self.query.htype()
    }

    fn ciaddr(&self) -> Ipv4Addr {
        self.query.ciaddr()
    }

    fn giaddr(&self) -> Ipv4Addr {
        self.query.giaddr()
    }

    fn yiaddr(&self) -> Ipv4Addr {
        self.query.yiaddr()
    }

    fn siaddr(&self) -> Ipv4Addr {
        self.query.siaddr()
    }

    fn message_type(&self) -> u8 {
        self.query.message_type() as u8
    }

    fn transaction_id(&self) -> u32 {
        self.query.xid()
    }

    fn is_member(&self, class: ClassId) -> bool {
        self.classes.contains(class)
    }
}
