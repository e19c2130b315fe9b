//! Extracts the query strings of HCP's registry API.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Serialize;

use super::whole_number;
use crate::domain::BoxFilter;
use crate::http::error::ApiError;
use crate::http::state::AppState;

/// The number of elements on a page unless the client tells another, or tells 0.
const PAGE_SIZE: usize = 50;

/// The greatest number of elements on a page; a page may have fewer than a client asks for.
const MAX_PAGE_SIZE: usize = 100;

/// The greatest number of providers, architectures or fields to sort by that a query may have.
const MAX_VALUES: usize = 20;

/// Whether a reply has the children of its objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Children {
    Omitted,
    Included,
}

/// The tokens of the neighbouring pages; empty where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct PageTokens {
    pub(crate) next_page_token: String,
    pub(crate) previous_page_token: String,
}

/// The query `?expanded=true&pagination.page_size=…&pagination.next_page_token=…`. Empty parameters and those of
/// other names are ignored.
#[derive(Debug)]
pub(crate) struct HcpQuery {
    pub(crate) children: Children,
    pub(crate) page: PageQuery,
    /// The organisation and the project to which a list of registries is limited.
    pub(crate) location: [Option<String>; 2],
}

/// The part of a list that a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageQuery {
    size: usize,
    place: Place,
}

/// The place of a page in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Beginning,
    /// The page begins with the element of this token.
    From(String),
    /// The page ends before the element of this token.
    Before(String),
}

/// The query of a search: `?q=…&providers=…&architectures=…&sort.order_by=…`, and the page. Providers, architectures
/// and the fields of `sort.order_by` may occur several times.
#[derive(Debug)]
pub(crate) struct HcpSearch {
    pub(crate) filter: BoxFilter,
    pub(crate) order: Vec<HcpOrder>,
    pub(crate) page: PageQuery,
}

/// A field by which the found boxes are sorted, and the direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HcpOrder {
    pub(crate) field: HcpField,
    pub(crate) is_descending: bool,
}

/// The fields by which found boxes can be sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HcpField {
    RegistryName,
    BoxName,
    Downloads,
    CreatedAt,
    UpdatedAt,
}

impl FromRequestParts<AppState> for HcpQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        parse(parts.uri.query().unwrap_or_default()).map_err(ApiError::Invalid)
    }
}

impl FromRequestParts<AppState> for HcpSearch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        parse_search(parts.uri.query().unwrap_or_default()).map_err(ApiError::Invalid)
    }
}

fn parse(query: &str) -> Result<HcpQuery, String> {
    let mut parsed = HcpQuery {
        children: Children::Omitted,
        page: parse_page(query)?,
        location: [None, None],
    };
    for (name, value) in pairs(query) {
        let [organization, project] = &mut parsed.location;
        match &*name {
            "expanded" => parsed.children = children(&value)?,
            "location.organization_id" => *organization = Some(value),
            "location.project_id" => *project = Some(value),
            _ => {}
        }
    }
    Ok(parsed)
}

fn parse_page(query: &str) -> Result<PageQuery, String> {
    let (mut size, mut next, mut previous) = (PAGE_SIZE, None, None);
    for (name, value) in pairs(query) {
        match &*name {
            "pagination.page_size" => {
                let told = whole_number(&value).and_then(|number| usize::try_from(number).ok());
                let told = told.ok_or("pagination.page_size must be a whole number")?;
                size = if told == 0 {
                    PAGE_SIZE
                } else {
                    told.min(MAX_PAGE_SIZE)
                };
            }
            "pagination.next_page_token" => next = Some(value),
            "pagination.previous_page_token" => previous = Some(value),
            _ => {}
        }
    }
    let place = match (next, previous) {
        (None, None) => Place::Beginning,
        (Some(next), None) => Place::From(next),
        (None, Some(previous)) => Place::Before(previous),
        (Some(_), Some(_)) => {
            let mistake = "pagination.next_page_token and pagination.previous_page_token exclude \
                           each other: send one of them";
            return Err(mistake.to_owned());
        }
    };
    Ok(PageQuery { size, place })
}

fn parse_search(query: &str) -> Result<HcpSearch, String> {
    let mut parsed = HcpSearch {
        filter: BoxFilter::default(),
        order: Vec::new(),
        page: parse_page(query)?,
    };
    let filter = &mut parsed.filter;
    for (name, value) in pairs(query) {
        match &*name {
            "q" => filter.text = value,
            "providers" => filter.providers.push(value),
            "architectures" => filter.architectures.push(value),
            "sort.order_by" => {
                for field in value.split(',') {
                    parsed.order.push(order(field)?);
                }
            }
            _ => {}
        }
        let longest = filter.providers.len().max(filter.architectures.len());
        if longest.max(parsed.order.len()) > MAX_VALUES {
            return Err(format!("{name} may occur at most {MAX_VALUES} times here"));
        }
    }
    Ok(parsed)
}

/// Returns the parameters that are not empty.
fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let pairs = form_urlencoded::parse(query.as_bytes());
    let pairs = pairs.map(|(name, value)| (name.into_owned(), value.into_owned()));
    pairs.filter(|(_, value)| !value.is_empty())
}

fn children(text: &str) -> Result<Children, String> {
    match text {
        "true" => Ok(Children::Included),
        "false" => Ok(Children::Omitted),
        _ => Err("expanded must be true or false".to_owned()),
    }
}

fn order(text: &str) -> Result<HcpOrder, String> {
    let mut words = text.split_whitespace();
    let field = match words.next() {
        Some("registry_name") => HcpField::RegistryName,
        Some("box_name" | "name") => HcpField::BoxName,
        Some("downloads") => HcpField::Downloads,
        Some("created_at") => HcpField::CreatedAt,
        Some("updated_at") => HcpField::UpdatedAt,
        _ => {
            let fields = "registry_name, box_name, downloads, created_at and updated_at";
            return Err(format!("sort.order_by takes {fields}"));
        }
    };
    let is_descending = match (words.next(), words.next()) {
        (None | Some("asc"), None) => false,
        (Some("desc"), None) => true,
        _ => return Err("sort.order_by takes asc or desc after a field".to_owned()),
    };
    Ok(HcpOrder {
        field,
        is_descending,
    })
}

impl PageQuery {
    /// Cuts a page from a list. `token_of` returns the token of an element by its place, and `place_of` the place of
    /// a token: of its element or, if that is gone, of the first one after it. `None` is a token of no list.
    ///
    /// # Errors
    /// [`ApiError::Invalid`] for a token of no list.
    // Contract: boxes-hcp.lists
    pub(crate) fn cut<T>(
        &self,
        mut list: Vec<T>,
        token_of: impl Fn(usize, &T) -> String,
        place_of: impl Fn(&[T], &str) -> Option<usize>,
    ) -> Result<(Vec<T>, PageTokens), ApiError> {
        let find = |name: &str, token: &String| {
            let place = place_of(&list, token).filter(|place| *place <= list.len());
            let mistake = || format!("pagination.{name} is no token of this list");
            place.ok_or_else(|| ApiError::Invalid(mistake()))
        };
        let (begin, end) = match &self.place {
            Place::Beginning => (0, self.size),
            Place::From(token) => {
                let begin = find("next_page_token", token)?;
                (begin, begin + self.size)
            }
            Place::Before(token) => {
                let end = find("previous_page_token", token)?;
                (end.saturating_sub(self.size), end)
            }
        };
        let token = |place: usize| list.get(place).map(|element| token_of(place, element));
        let tokens = PageTokens {
            next_page_token: token(end).unwrap_or_default(),
            previous_page_token: match begin {
                0 => String::new(),
                begin => token(begin).unwrap_or_default(),
            },
        };
        list.truncate(end);
        Ok((list.split_off(begin.min(list.len())), tokens))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the page of a list of letters, and the tokens.
    fn page(list: &str, query: &str) -> (String, String, String) {
        let cut = parse_page(query).unwrap().cut(
            list.chars().collect(),
            |_, letter| letter.to_string(),
            |list, token| {
                let token = token.parse::<char>().ok()?;
                Some(list.partition_point(|letter| *letter < token))
            },
        );
        let (page, tokens) = cut.unwrap();
        let page = page.into_iter().collect();
        (page, tokens.next_page_token, tokens.previous_page_token)
    }

    #[test]
    fn pages_follow_each_other_in_both_directions() {
        for (query, expected) in [
            ("", ("abcdefg", "", "")),
            ("pagination.page_size=0", ("abcdefg", "", "")),
            ("pagination.page_size=3", ("abc", "d", "")),
            (
                "pagination.page_size=3&pagination.next_page_token=d",
                ("def", "g", "d"),
            ),
            (
                "pagination.page_size=3&pagination.next_page_token=g",
                ("g", "", "g"),
            ),
            (
                "pagination.page_size=3&pagination.previous_page_token=g",
                ("def", "g", "d"),
            ),
            (
                "pagination.page_size=3&pagination.previous_page_token=b",
                ("a", "b", ""),
            ),
            (
                "pagination.page_size=7&pagination.next_page_token=",
                ("abcdefg", "", ""),
            ),
        ] {
            let (list, next, previous) = page("abcdefg", query);
            assert_eq!((&*list, &*next, &*previous), expected, "{query}");
        }
    }

    #[test]
    fn a_page_goes_on_where_its_first_element_was_deleted() {
        let query = "pagination.page_size=2&pagination.next_page_token=c";
        assert_eq!(page("abde", query).0, "de");
        let query = "pagination.page_size=2&pagination.next_page_token=x";
        assert_eq!(
            page("abde", query),
            (String::new(), String::new(), String::new())
        );
    }

    #[test]
    fn what_is_told_in_a_wrong_way_is_an_error_that_names_it() {
        for query in [
            "pagination.page_size=-1",
            "pagination.page_size=x",
            "pagination.next_page_token=a&pagination.previous_page_token=b",
            "expanded=yes",
        ] {
            let error = parse(query).unwrap_err();
            let name = query.split('=').next().unwrap();
            assert!(error.starts_with(name), "{query}: {error}");
        }
        for query in [
            "sort.order_by=size",
            "sort.order_by=name%20up",
            "sort.order_by=",
        ] {
            let parsed = parse_search(query);
            assert_eq!(parsed.is_err(), !query.ends_with('='), "{query}");
        }
        let many = "providers=x&".repeat(MAX_VALUES + 1);
        assert!(parse_search(&many).is_err());
    }

    #[test]
    fn a_search_has_several_filters_and_orders() {
        let query = "q=a+b&providers=qemu&providers=hyperv&architectures=amd64\
                     &sort.order_by=downloads%20desc,box_name&sort.order_by=created_at%20asc";
        let parsed = parse_search(query).unwrap();
        assert_eq!(parsed.filter.text, "a b");
        assert_eq!(parsed.filter.providers, ["qemu", "hyperv"]);
        assert_eq!(parsed.filter.architectures, ["amd64"]);
        let order = |field, is_descending| HcpOrder {
            field,
            is_descending,
        };
        let expected = [
            order(HcpField::Downloads, true),
            order(HcpField::BoxName, false),
            order(HcpField::CreatedAt, false),
        ];
        assert_eq!(parsed.order, expected);
    }
}
