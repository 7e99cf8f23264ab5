//! Prints the API description; `scripts/openapi` puts it in its place.

fn main() {
    print!("{}", aarambh_edge::openapi());
}
