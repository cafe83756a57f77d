//! Many hosts as numbers: a byte a check.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::check::engine::Status;

/// One host: how each check came out, by the number of its id; none where the
/// report does not have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// By the number of the id.
    pub statuses: Vec<Option<Status>>,
}

/// Many hosts.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    /// Ids of checks, by number.
    pub ids: Vec<String>,
    numbers: HashMap<String, usize>,
    /// The name of its file, and the host.
    pub hosts: Vec<(String, Host)>,
    /// Files that are no reports, and why.
    pub unread: Vec<(String, String)>,
    /// How often a check failed with these words.
    words: HashMap<(usize, String), usize>,
}

/// How often a check came out how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Count {
    /// `area.slug`.
    pub id: String,
    /// Hosts by status, only those that there are.
    pub hosts: BTreeMap<Status, usize>,
}

/// Hosts on which the same required checks fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Group {
    /// Ids of the checks; none where nothing fails.
    pub failing: Vec<String>,
    /// Names of the files of their reports.
    pub hosts: Vec<String>,
}

/// What stands in the way on many hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Cause {
    /// `area.slug`.
    pub id: String,
    /// On so many hosts.
    pub hosts: usize,
    /// What it says most often.
    pub summary: String,
}

/// So many causes are shown.
const CAUSES: usize = 10;

impl Fleet {
    /// The number of an id.
    pub fn number(&mut self, id: &str) -> usize {
        if let Some(number) = self.numbers.get(id) {
            return *number;
        }
        self.numbers.insert(id.to_owned(), self.ids.len());
        self.ids.push(id.to_owned());
        self.ids.len() - 1
    }

    /// A check that failed with these words.
    pub fn failed(&mut self, number: usize, words: &str) {
        let words: String = words.chars().take(200).collect();
        *self.words.entry((number, words)).or_default() += 1;
    }

    /// Adds a host, of which the checks were numbered by this fleet.
    pub fn add(&mut self, name: String, host: Host) {
        self.hosts.push((name, host));
    }

    /// Takes in another fleet, with numbers of its own.
    pub fn join(&mut self, other: Fleet) {
        let numbers: Vec<usize> = other.ids.iter().map(|id| self.number(id)).collect();
        for (name, host) in other.hosts {
            let mut statuses = vec![None; self.ids.len()];
            for (number, status) in host.statuses.into_iter().enumerate() {
                statuses[numbers[number]] = status;
            }
            self.hosts.push((name, Host { statuses }));
        }
        for ((number, words), count) in other.words {
            *self.words.entry((numbers[number], words)).or_default() += count;
        }
        self.unread.extend(other.unread);
    }

    /// Every host knows of every check.
    pub fn settle(&mut self) {
        let len = self.ids.len();
        self.hosts
            .iter_mut()
            .for_each(|(_, host)| host.statuses.resize(len, None));
        self.hosts.sort_by(|a, b| a.0.cmp(&b.0));
    }

    /// How often each check came out how, in the order of the reports.
    pub fn counts(&self) -> Vec<Count> {
        let mut counts: Vec<Count> = self
            .ids
            .iter()
            .map(|id| Count {
                id: id.clone(),
                hosts: BTreeMap::new(),
            })
            .collect();
        for (_, host) in &self.hosts {
            for (count, status) in counts.iter_mut().zip(&host.statuses) {
                if let Some(status) = status {
                    *count.hosts.entry(*status).or_default() += 1;
                }
            }
        }
        counts
    }

    /// Hosts with the same failures, the largest group first.
    pub fn groups(&self) -> Vec<Group> {
        let mut groups: BTreeMap<Vec<usize>, Vec<String>> = BTreeMap::new();
        for (name, host) in &self.hosts {
            let failing = host.statuses.iter().enumerate();
            let failing = failing
                .filter(|(_, s)| **s == Some(Status::Fail))
                .map(|(n, _)| n);
            groups
                .entry(failing.collect())
                .or_default()
                .push(name.clone());
        }
        let group = |(failing, hosts): (Vec<usize>, Vec<String>)| Group {
            failing: failing.into_iter().map(|n| self.ids[n].clone()).collect(),
            hosts,
        };
        let mut groups: Vec<Group> = groups.into_iter().map(group).collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.hosts.len()));
        groups
    }

    /// The checks that fail on most hosts, with what they say most often.
    pub fn causes(&self) -> Vec<Cause> {
        let failing = |count: Count| {
            let hosts = count.hosts.get(&Status::Fail).copied()?;
            Some((count.id, hosts))
        };
        let mut found: Vec<(String, usize)> =
            self.counts().into_iter().filter_map(failing).collect();
        found.sort_by_key(|(_, hosts)| std::cmp::Reverse(*hosts));
        found.truncate(CAUSES);
        let cause = |(id, hosts): (String, usize)| Cause {
            summary: self.usual_words(&id),
            id,
            hosts,
        };
        found.into_iter().map(cause).collect()
    }

    fn usual_words(&self, id: &str) -> String {
        let number = self.numbers.get(id).copied();
        let own = self.words.iter().filter(|((n, _), _)| Some(*n) == number);
        let most = own.max_by(|a, b| a.1.cmp(b.1).then_with(|| b.0.1.cmp(&a.0.1)));
        most.map(|((_, words), _)| words.clone())
            .unwrap_or_default()
    }
}
