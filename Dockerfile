# Three images, one a program: docker build --target mock-atlas (or uploader, or contract-tests) .
# Each holds its program, the files of the C library that it loads, the certificates of the public
# CAs, and nothing else: no shell, no package manager.

FROM rust:1-slim-bookworm AS build
WORKDIR /src
# The library that compresses; an image without a network may have it already.
RUN dpkg -s libisal-dev >/dev/null 2>&1 || { \
        apt-get update && apt-get install -y --no-install-recommends libisal-dev && rm -rf /var/lib/apt/lists/*; \
    }
# Cargo reads these where they are set: a build that is only tried may optimise less.
ARG CARGO_PROFILE_RELEASE_LTO
ARG CARGO_PROFILE_RELEASE_CODEGEN_UNITS
ARG CARGO_PROFILE_RELEASE_OPT_LEVEL

# The dependencies first, with programs that do nothing in place of ours: this layer is made again
# only when a manifest changes.
COPY Cargo.toml Cargo.lock ./
COPY common/Cargo.toml common/
COPY isal/Cargo.toml isal/build.rs isal/
COPY uploader/Cargo.toml uploader/
COPY mock-atlas/Cargo.toml mock-atlas/
COPY contract-tests/Cargo.toml contract-tests/build.rs contract-tests/
COPY workspace-tests/Cargo.toml workspace-tests/
RUN for crate in common isal uploader mock-atlas contract-tests; do \
        mkdir "$crate/src" && touch "$crate/src/lib.rs" || exit; \
    done && \
    for crate in uploader mock-atlas contract-tests; do echo 'fn main() {}' >"$crate/src/main.rs" || exit; done && \
    mkdir -p mock-atlas/benches/emulator && touch mock-atlas/benches/emulator/main.rs && \
    cargo build --release --locked --bins --features isal && \
    cargo clean --release --locked -p atlas-common -p atlas-isal -p atlas-uploader -p mock-atlas -p atlas-contract-tests

COPY . .
RUN cargo build --release --locked --bins --features isal

# What a program needs at run time. The C library finds names by itself, but looks into /etc/hosts
# first only when it is told to.
RUN for program in atlas-upload mock-atlas atlas-contract; do \
        root="/images/$program" && \
        mkdir -p "$root/bin" "$root/etc" "$root/work" && mkdir -m 1777 "$root/tmp" && \
        cp "target/release/$program" "$root/bin/" && \
        ldd "target/release/$program" | grep -o '/[^ ]*' | xargs cp --parents -L -t "$root" && \
        cp --parents /etc/ssl/certs/ca-certificates.crt "$root" && \
        echo 'hosts: files dns' >"$root/etc/nsswitch.conf" && \
        echo 'atlas:x:10001:10001::/work:' >"$root/etc/passwd" && \
        echo 'atlas:x:10001:' >"$root/etc/group" || exit; \
    done

FROM scratch AS mock-atlas
COPY --from=build /images/mock-atlas /
USER 10001:10001
# The port spells ATLAS. By a variable, so that the health check below listens to the same.
ENV MOCK_ATLAS_LISTEN=0.0.0.0:28527
EXPOSE 28527
HEALTHCHECK --interval=5s --timeout=3s --start-period=5s CMD ["/bin/mock-atlas", "health"]
ENTRYPOINT ["/bin/mock-atlas"]

FROM scratch AS uploader
COPY --from=build /images/atlas-upload /
USER 10001:10001
WORKDIR /work
ENTRYPOINT ["/bin/atlas-upload"]

FROM scratch AS contract-tests
COPY --from=build /images/atlas-contract /
USER 10001:10001
WORKDIR /work
# The journal goes with the reports, into what is mounted here: the rest of a container is thrown away.
ENV ATLAS_CONTRACT_JOURNAL=/work
ENTRYPOINT ["/bin/atlas-contract"]
