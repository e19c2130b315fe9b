//! This module reads the imports of a crate from its sources: from `use` lines and from paths within code.
//! It leaves out modules behind `#[cfg(test)]`, since tests may use anything.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, Macro, UseTree};

/// A `Module` is named by its path below the crate's root.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Module {
    path: Vec<String>,
    /// The number of path segments that are the module's folder: all of them if other modules lie in the module.
    folder: usize,
}

/// An `Import` says that one module uses another module of the same crate.
#[derive(Debug)]
pub(super) struct Import {
    pub(super) from: Module,
    pub(super) to: Module,
    file: PathBuf,
    line: usize,
    /// The path that the source names, without `crate`.
    text: String,
}

impl Module {
    pub(super) fn folder(&self) -> &[String] {
        &self.path[..self.folder]
    }
}

impl Import {
    pub(super) fn source_top(&self) -> Option<&str> {
        self.from.path.first().map(String::as_str)
    }

    pub(super) fn target_top(&self) -> Option<&str> {
        self.to.path.first().map(String::as_str)
    }
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.text)
    }
}

/// Returns the folders that a workspace's manifest names as members.
pub(super) fn members(manifest: &str) -> Vec<String> {
    let list = manifest.split_once("members = [").unwrap().1;
    let list = list.split_once(']').unwrap().0;
    let quoted = list.split('"').skip(1).step_by(2);
    quoted.map(str::to_owned).collect()
}

/// Returns the imports of all modules below a root, `lib.rs` or `main.rs`.
pub(super) fn imports(root: &Path) -> Vec<Import> {
    let mut reader = Reader::default();
    let folder = root.parent().unwrap();
    reader.read(root, folder, Vec::new());
    reader.resolve()
}

/// A `Use` is the use of a path whose target module is not yet known.
struct Use {
    from: Vec<String>,
    /// The path from the crate's root.
    to: Vec<String>,
    file: PathBuf,
    line: usize,
}

#[derive(Default)]
struct Reader {
    uses: Vec<Use>,
    /// The modules, each with a flag: do other modules lie in it?
    modules: BTreeMap<Vec<String>, bool>,
    /// The names that a module re-exports with `pub use`, each with its full path.
    handed_on: BTreeMap<Vec<String>, Vec<String>>,
}

impl Reader {
    /// Reads a module's file and, below `folder`, those of the modules in it.
    fn read(&mut self, file: &Path, folder: &Path, module: Vec<String>) {
        let text = fs::read_to_string(file).unwrap();
        let parsed = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        self.modules.insert(module.clone(), false);
        let mut walk = Walk {
            reader: self,
            file,
            folder: folder.to_owned(),
            module,
        };
        parsed.items.iter().for_each(|item| walk.visit_item(item));
    }

    /// Follows each use to the module in which its name is defined.
    fn resolve(self) -> Vec<Import> {
        let imports = self.uses.iter().map(|used| {
            let mut to = used.to.clone();
            // A name may be handed on several times, but not for ever.
            for _ in 0..8 {
                match self.next(&to) {
                    Some(next) => to = next,
                    None => break,
                }
            }
            Import {
                from: self.module(&used.from),
                to: self.module(&to),
                file: used.file.clone(),
                line: used.line,
                text: used.to.join("::"),
            }
        });
        imports
            .filter(|import| import.from.path != import.to.path)
            .collect()
    }

    /// Returns where a name of the crate's root leads. Other re-exports stay within one top-level module.
    fn next(&self, path: &[String]) -> Option<Vec<String>> {
        let known = self.modules.contains_key(path.get(..1)?);
        let next = self.handed_on.get(path.get(..1)?).filter(|_| !known)?;
        Some([next, &path[1..]].concat())
    }

    /// Returns the deepest module on a path.
    fn module(&self, path: &[String]) -> Module {
        let lengths = (0..=path.len()).rev();
        let length = lengths
            .into_iter()
            .find(|length| self.modules.contains_key(&path[..*length]));
        let path = path[..length.unwrap_or_default()].to_vec();
        let has_parts = self.modules.get(&path).copied().unwrap_or_default();
        let folder = if has_parts {
            path.len()
        } else {
            path.len().saturating_sub(1)
        };
        Module { path, folder }
    }
}

/// Walks through the items of one module.
struct Walk<'r, 'f> {
    reader: &'r mut Reader,
    file: &'f Path,
    folder: PathBuf,
    module: Vec<String>,
}

impl Walk<'_, '_> {
    /// Notes a path if it begins in this crate: with `crate`, `super` or `self`.
    fn note(&mut self, path: &[String], line: usize) -> Option<Vec<String>> {
        let mut to = match path.first()?.as_str() {
            "crate" => Vec::new(),
            "self" | "super" => self.module.clone(),
            _ => return None,
        };
        let mut rest = path;
        while let Some((first, after)) = rest.split_first() {
            match first.as_str() {
                "crate" | "self" => {}
                "super" => drop(to.pop()),
                _ => break,
            }
            rest = after;
        }
        to.extend_from_slice(rest);
        let (from, file) = (self.module.clone(), self.file.to_owned());
        self.reader.uses.push(Use {
            from,
            to: to.clone(),
            file,
            line,
        });
        Some(to)
    }

    fn visit_use(&mut self, item: &ItemUse) {
        let line = item.use_token.span.start().line;
        for (mut path, name) in leaves(&item.tree) {
            // In the root, a path may begin with one of its modules.
            if self.module.is_empty() && !matches!(path[0].as_str(), "crate" | "self") {
                path.insert(0, "crate".to_owned());
            }
            let to = self.note(&path, line);
            if let (true, Some(to)) = (self.module.is_empty(), to) {
                self.reader.handed_on.insert(vec![name], to);
            }
        }
    }

    fn visit_module(&mut self, item: &syn::ItemMod) {
        let name = item.ident.to_string();
        let path = [self.module.as_slice(), std::slice::from_ref(&name)].concat();
        self.reader.modules.insert(self.module.clone(), true);
        if let Some((_, items)) = &item.content {
            self.reader.modules.insert(path.clone(), false);
            let folder = self.folder.join(&name);
            let mut walk = Walk {
                reader: self.reader,
                file: self.file,
                folder,
                module: path,
            };
            items.iter().for_each(|item| walk.visit_item(item));
            return;
        }
        let folder = self.folder.join(&name);
        let beside = self.folder.join(format!("{name}.rs"));
        let file = if beside.exists() {
            beside
        } else {
            folder.join("mod.rs")
        };
        self.reader.read(&file, &folder, path);
    }
}

impl<'ast> Visit<'ast> for Walk<'_, '_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_for_tests(attributes(item)) {
            return;
        }
        match item {
            Item::Use(item) => self.visit_use(item),
            Item::Mod(item) => self.visit_module(item),
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path
            .segments
            .iter()
            .map(|part| part.ident.to_string())
            .collect();
        let line = path
            .segments
            .first()
            .map(|part| part.ident.span().start().line);
        // A lone `self` is a value.
        if names.len() > 1 {
            self.note(&names, line.unwrap_or_default());
        }
        visit::visit_path(self, path);
    }

    /// Reads paths that begin with `crate` in a macro's tokens, which are not parsed as code.
    fn visit_macro(&mut self, item: &'ast Macro) {
        let text = item.tokens.to_string();
        let line = item.path.segments[0].ident.span().start().line;
        for rest in text.split("crate :: ").skip(1) {
            let names = rest.split(" :: ").map(|part| {
                let end = part.find(|c: char| !c.is_alphanumeric() && c != '_');
                &part[..end.unwrap_or(part.len())]
            });
            let names = std::iter::once("crate").chain(names.take(2));
            let names: Vec<String> = names.map(str::to_owned).collect();
            self.note(&names, line);
        }
        visit::visit_macro(self, item);
    }
}

/// Returns each path of a `use`, and the name under which it is known afterwards.
fn leaves(tree: &UseTree) -> Vec<(Vec<String>, String)> {
    let below = |name: String, tree: &UseTree| {
        let leaves = leaves(tree).into_iter();
        let add = |(path, known): (Vec<String>, String)| {
            let known = if path.as_slice() == ["self"] {
                name.clone()
            } else {
                known
            };
            (std::iter::once(name.clone()).chain(path).collect(), known)
        };
        leaves.map(add).collect()
    };
    match tree {
        UseTree::Path(path) => below(path.ident.to_string(), &path.tree),
        UseTree::Name(name) => vec![(vec![name.ident.to_string()], name.ident.to_string())],
        UseTree::Rename(name) => vec![(vec![name.ident.to_string()], name.rename.to_string())],
        UseTree::Glob(_) => vec![(vec!["*".to_owned()], "*".to_owned())],
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Returns `true` for an item behind `#[cfg(test)]`.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_test = |path: &syn::Path| path.is_ident("test");
        attribute.path().is_ident("cfg") && attribute.parse_args().is_ok_and(|path| is_test(&path))
    })
}
