//! Class names as small numbers, so that membership is a comparison of integers on the packet path.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A class, by its place in [`ClassNames`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub u32);

/// All class names that a configuration knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassNames {
    names: Vec<Arc<str>>,
    ids: BTreeMap<Arc<str>, ClassId>,
}

impl ClassNames {
    /// The id of `name`, new if it was not known.
    pub fn intern(&mut self, name: &str) -> ClassId {
        if let Some(id) = self.id(name) {
            return id;
        }
        let id = ClassId(u32::try_from(self.names.len()).expect("class names fit in memory"));
        let name: Arc<str> = name.into();
        self.names.push(Arc::clone(&name));
        self.ids.insert(name, id);
        id
    }

    /// The id of `name`, if anything mentions it.
    pub fn id(&self, name: &str) -> Option<ClassId> {
        self.ids.get(name).copied()
    }

    /// Every id and its name, ascending by id.
    pub fn iter(&self) -> impl Iterator<Item = (ClassId, &str)> {
        (0u32..).map(ClassId).zip(self.names.iter().map(|name| &**name))
    }

    /// The name of `id`.
    ///
    /// # Panics
    /// If `id` is of another table.
    pub fn name(&self, id: ClassId) -> &Arc<str> {
        &self.names[id.0 as usize]
    }
}
