//! Compares the endpoints that the emulator's document and help name with those of its source.

use std::collections::BTreeSet;
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Expr, ExprTuple, ImplItemFn, Lit, LitStr};

/// The folder with the lists of all endpoints.
pub(crate) const SOURCES: &str = "mock-atlas/src/endpoint";

/// The endpoints that a source declares.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Endpoints {
    /// The method and the path of each endpoint, with `_` for each parameter.
    pub(crate) calls: BTreeSet<String>,
    /// The names in faults.
    pub(crate) names: BTreeSet<String>,
}

impl Endpoints {
    /// Parses all files of a folder but that of the pages, which are for people.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut endpoints = Self::default();
        let files = std::fs::read_dir(folder).unwrap();
        let files = files.map(|file| file.unwrap().path());
        for file in files.filter(|file| !file.ends_with("page.rs")) {
            let source = std::fs::read_to_string(file).unwrap();
            endpoints.visit_file(&syn::parse_file(&source).unwrap());
        }
        endpoints
    }

    /// Parses the functions `route`, with pairs of a method and a path, and `name`, with names.
    pub(crate) fn parse(source: &str) -> Self {
        let mut endpoints = Self::default();
        endpoints.visit_file(&syn::parse_file(source).unwrap());
        endpoints
    }
}

impl Visit<'_> for Endpoints {
    fn visit_impl_item_fn(&mut self, function: &ImplItemFn) {
        if function.sig.ident == "route" {
            visit::visit_impl_item_fn(self, function);
        } else if function.sig.ident == "name" {
            Names(&mut self.names).visit_block(&function.block);
        }
    }

    fn visit_expr_tuple(&mut self, pair: &ExprTuple) {
        let mut parts = pair.elems.iter();
        if let (Some(Expr::Path(method)), Some(Expr::Lit(path))) = (parts.next(), parts.next())
            && let (Some(method), Lit::Str(path)) = (method.path.get_ident(), &path.lit)
        {
            let method = method.to_string().to_uppercase();
            self.calls
                .insert(call(&format!("{method} {}", path.value())));
        }
    }
}

/// A visitor that collects all texts.
struct Names<'a>(&'a mut BTreeSet<String>);

impl Visit<'_> for Names<'_> {
    fn visit_lit_str(&mut self, text: &LitStr) {
        self.0.insert(text.value());
    }
}

/// Replaces the parameters of a path, `{name}` in sources and `NAME` in documents, by `_`.
fn call(text: &str) -> String {
    let is_parameter =
        |part: &str| part.starts_with('{') || part.starts_with(|c: char| c.is_ascii_uppercase());
    let mut parts = text.split('/');
    let method = parts.next().map(str::to_owned);
    let path = parts.map(|part| if is_parameter(part) { "_" } else { part }.to_owned());
    method.into_iter().chain(path).collect::<Vec<_>>().join("/")
}

/// Returns the calls below a path that a document names between backticks.
pub(crate) fn documented_calls(text: &str, below: &str) -> BTreeSet<String> {
    let spans = text.split('`');
    let is_call = |span: &&str| {
        let words: Vec<&str> = span.split(' ').collect();
        matches!(words[..], [method, path] if is_method(method) && path.starts_with(below))
    };
    spans.filter(is_call).map(call).collect()
}

fn is_method(word: &str) -> bool {
    ["GET", "POST", "PUT", "DELETE"].contains(&word)
}

/// Returns the names in the first column of a document's table of routes, without `*`.
pub(crate) fn documented_names(text: &str) -> BTreeSet<String> {
    let rows = text
        .lines()
        .skip_while(|line| *line != "| route | requests |");
    let rows = rows.map_while(|row| row.strip_prefix("| "));
    let cells = rows.filter_map(|row| row.split(" |").next());
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names
        .filter(|name| *name != "*")
        .map(str::to_owned)
        .collect()
}

/// Returns the names in the list of routes in a help, without `*`.
pub(crate) fn names_in_help(help: &str) -> BTreeSet<String> {
    let list = help.split_once("Routes: ").unwrap().1;
    let list = list.split_once("or *").unwrap().0;
    let names = list.split(',').map(str::trim);
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}
