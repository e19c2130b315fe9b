//! Defines the texts that `--help` prints below the options of each subcommand.

pub(in crate::cli) const VARIABLES: &str = "\
Variables (a flag overrides its variable; an empty variable counts as unset):
  ATLAS_TOKEN         the access token
  ATLAS_ADDRESS       the Atlas' address
  ATLAS_CAFILE        a file of CA certificates
  ATLAS_CAPATH        a folder of CA certificates
  ATLAS_CLIENT_CERT   a client certificate to present to the server
  ATLAS_CLIENT_KEY    the private key of the client certificate
  ATLAS_TLS_NOVERIFY  any value: as --insecure
  ATLAS_ALLOW_HTTP_UPLOAD  any value but 0, false, no or off: as --allow-http-upload
  ATLAS_BUILD_ID      the build a version belongs to
  ATLAS_COMPILE_ID    the compilation a version belongs to

Events of --progress json, one object a line on standard error; sizes are bytes, null is unknown:
  {\"event\": \"packing\" | \"sending\" | \"receiving\", \"bytes\", \"total\",
   \"bytes_per_second\", \"seconds_left\"}
  {\"event\": \"creating_artifact\", \"artifact\"}  {\"event\": \"uploading\", \"bytes\"}
  {\"event\": \"creating_box\", \"box\"}
  {\"event\": \"downloading\", \"slug\"}            {\"event\": \"message\" | \"warning\", \"text\"}
  {\"event\": \"resuming\", \"bytes\", \"cause\"}
  {\"event\": \"waiting\", \"until\"}             {\"event\": \"box_file\", \"name\", \"bytes\"}
  {\"event\": \"box_file_failed\", \"name\", \"cause\"}
  {\"event\": \"token_withheld\", \"source\"}
  {\"event\": \"unencrypted\", \"to\"}
  {\"event\": \"retrying\", \"attempt\", \"delay_ms\", \"cause\"}
  {\"event\": \"error\", \"text\", \"hints\"}

Exit codes:
  0  success                       5  not found, or hidden (404)
  1  another error                 6  refused by the server (another 4xx)
  2  wrong arguments or settings   7  a temporary failure (network, 5xx)
  3  an error of a local file      8  the digest does not match
  4  token not accepted (401)      9  created or not: check before a retry
                                   130  stopped by a signal

Example:
  export ATLAS_ADDRESS=https://atlas.example.com ATLAS_TOKEN=…
  atlas-upload push acme/web --type custom.image disk.img";

pub(in crate::cli) const PUSH: &str = "\
A gzip file is sent as it is. Anything else is packed as Packer does: into a gzip-compressed tar of
one file, of a folder's content, or of several paths below their deepest common folder. Without --id
the version's id is the name of the only path, or of that common folder. A vagrant.box must be an
archive that Vagrant can use, with a metadata.json at its top; a tar is compressed, not packed again.
Its metadata says for which provider it is: that of --provider, else the one in its own metadata.json.

The version's slug is printed, or with --output json one object for each version:
  {\"slug\", \"version\", \"digest\", \"bytes\", \"timings\" (milliseconds), \"attempts\", \"skipped\",
  \"verified\", \"possible_orphans\"}

Two keys are added to the metadata: atlas-upload.push, a value unique to this push, which tells after
a lost reply whether the version was created, and atlas-upload.blake3, the digest of the file.

With --template each atlas post-processor creates a version for each build that it applies to, from
the artifact that reached it in its sequence. Unless that is the builder's artifact, a manifest block
must stand just before it. Each vagrant-cloud post-processor publishes its box, as `box publish` does,
after the versions are pushed. A flag overrides the template, and the template overrides a variable.
Supported functions: user, env (in variables only), timestamp, isotime, strftime, uuid, build_name,
build_type, template_dir, pwd, split, upper, lower, replace, replace_all; of Go's own printf, print,
println, len, and, or, not, eq, ne, lt, le, gt, ge.

Examples:
  atlas-upload push acme/web --type amazon.image --id us-east-1:ami-1 -m region.us-east-1=ami-1
  atlas-upload push acme/web --type custom.image out/disk.img out/notes.txt
  atlas-upload push acme/web --type amazon.image --manifest packer-manifest.json --only amazon-ebs
  atlas-upload push acme/web --type custom.image disk.img --receipt push.json
  atlas-upload push --resume push.json
  atlas-upload push --template template.json --var atlas_token=… --manifest packer-manifest.json";

pub(in crate::cli) const BOX: &str = "\
Examples:
  atlas-upload box publish acme/web 1.2.0 virtualbox web.box --release
  atlas-upload box download acme/web 1.2.0 --provider virtualbox
  atlas-upload box mirror my-org --to boxes --base-url https://boxes.example.com
  atlas-upload box check boxes";

pub(in crate::cli) const BOX_PUBLISH: &str = "\
The box, its version and the provider are created unless they exist, the file is uploaded, and the
version is released, in the order of `vagrant cloud publish`. A file that is published already is not
sent again; another file in its place is only replaced with --replace.

The registry is that of --atlas-url or ATLAS_ADDRESS, else of VAGRANT_SERVER_URL, else Vagrant Cloud,
or with --api hcp HCP Vagrant. The token is that of --token or ATLAS_TOKEN, if one of them names the
registry, else VAGRANT_CLOUD_TOKEN; HCP_CLIENT_ID and HCP_CLIENT_SECRET are a service principal, for
which HCP_AUTH_URL issues tokens.

As JSON, standard output is one object:
  {\"box\", \"version\", \"provider\", \"architecture\", \"api\", \"file\": \"uploaded\" | \"present\" |
  \"linked\", \"checksum_type\", \"checksum\", \"bytes\", \"virtual_size\" (GiB), \"released\", \"attempts\"}

Examples:
  atlas-upload box publish acme/web 1.2.0 virtualbox web.box --release
  atlas-upload box publish acme/web 1.2.0 libvirt web.box --architecture arm64 --receipt web.json
  atlas-upload box publish --resume web.json
  atlas-upload box publish acme/web 1.2.0 qemu --url https://files.example.com/web.box --release";

pub(in crate::cli) const BOX_SHOW: &str = "\
As JSON, standard output is the record of the box as `box mirror` writes it to mirror.json.

Examples:
  atlas-upload box show acme/web
  atlas-upload box show acme/web 1.2.0 --output json";

pub(in crate::cli) const BOX_SEARCH: &str = "\
As JSON, standard output is a list of
  {\"tag\", \"version\", \"providers\", \"short_description\", \"private\", \"downloads\"}

Example:
  atlas-upload box search debian --provider libvirt --sort updated --limit 20";

pub(in crate::cli) const BOX_DOWNLOAD: &str = "\
The file gets its name only after its checksum was verified, if the registry has one. A download that
breaks off continues where it stopped, also in a later run.

Examples:
  atlas-upload box download acme/web
  atlas-upload box download acme/web 1.2.0 --provider libvirt --architecture arm64 -o web.box";

pub(in crate::cli) const BOX_RELEASE: &str = "\
A version that was released already stays as it is; one without a provider is refused.

Example:
  atlas-upload box release acme/web 1.2.0";

pub(in crate::cli) const BOX_REVOKE: &str = "\
Users no longer get the version. `box release` makes it available again.

Example:
  atlas-upload box revoke acme/web 1.2.0";

pub(in crate::cli) const BOX_DELETE: &str = "\
Examples:
  atlas-upload box delete acme/web 1.2.0 virtualbox --architecture arm64
  atlas-upload box delete acme/web 1.2.0
  atlas-upload box delete acme/web --all-versions";

pub(in crate::cli) const BOX_MIRROR: &str = "\
The kind of the source is detected: HCP Vagrant's registry, a Vagrant Cloud (v1 or v2), a catalog of
one box (an address or a file), or Vagrant's folder of installed boxes, which are packed again.

Variables:
  HCP_CLIENT_ID, HCP_CLIENT_SECRET  a service principal of HCP, for private boxes and unreleased
                                    versions; its tokens are renewed when they expire
  HCP_AUTH_URL                      the address that issues its tokens; if set, any --from gets them
  VAGRANT_CLOUD_TOKEN               a token of Vagrant Cloud, or OLD;NEW
  VAGRANT_SERVER_URL                your own server, which may get that token, too

The tree is DIR/ORG/BOX/VERSION/PROVIDER/ARCHITECTURE/vagrant.box, with a catalog for Vagrant before
2.4 at DIR/ORG/BOX/metadata.json, one for Vagrant from 2.4 on at DIR/api/v2/vagrant/ORG/BOX.json, and
a record of the tree in DIR/mirror.json. A file gets its name only after its size and checksum match
those of the source. When the registry's rate limit is reached, the program waits. A file on its
owner's own host stays a link, unless --external is given.

The exit code is 0 only if everything that was requested is in the tree, and verified.

Examples:
  atlas-upload box mirror my-org --to boxes --plan
  atlas-upload box mirror my-org/web --to boxes --provider virtualbox --newest 3
  atlas-upload box mirror my-org --to boxes --from https://vagrant.example.com/api/v2
  atlas-upload box mirror --to boxes --from ~/.vagrant.d/boxes";

pub(in crate::cli) const SEARCH: &str = "\
With --output tfvars exactly one version must match. It is printed as a variable of Terraform, with
the attributes of the old data source atlas_artifact:
  {\"NAME\": {\"name\": \"user/name\", \"type\", \"id\", \"version\", \"slug\", \"file_url\", \"metadata_full\"}}

Examples:
  atlas-upload search acme/web --type amazon.image --version latest -m region.us-east-1
  atlas-upload search acme/web --type amazon.image --version latest --output tfvars --name web";

pub(in crate::cli) const PULL: &str = "\
The bytes are not changed: a file that Packer packed is a gzip-compressed tar. If the version's
metadata or the server has a digest, the bytes are checked before the file gets its name. A download
that breaks off continues where it stopped. --extract creates the folder and its parents, and refuses
an archive with an entry that would leave the folder.

Examples:
  atlas-upload pull acme/web --type custom.image
  atlas-upload pull acme/web --type custom.image --extract web
  atlas-upload pull acme/web --type custom.image --version 7 -o - | tar -xz
  atlas-upload pull acme/web --type custom.image --version production";

pub(in crate::cli) const MIRROR: &str = "\
The API lists no types: of an artifact without a TYPE, the recommended types are looked for, from
amazon.image to vagrant.box. Nor does it tell which build made a version: --builds asks for each build
of a range, and finds the build's newest version, and those next to it that differ in metadata.

The tree is DIR/api/v1/artifacts/USER/NAME/TYPE/VERSION/file, with a record of all versions in
DIR/mirror.json, which docs/mirror.md describes. The tree may hold boxes, too (`box mirror`), and
`box check` verifies all of it. A file gets its name only after it was compared
with the digest in the version's metadata, or else with the server's.

Nothing is written to the Atlas. The exit code is 0 only if everything that was requested is in the
tree.

Examples:
  atlas-upload mirror acme/web --to atlas --plan
  atlas-upload mirror acme/web:amazon.image acme/web:acme.rootfs acme/db --to atlas
  atlas-upload mirror acme/web --to atlas --builds 1-500";

pub(in crate::cli) const SHOW: &str = "\
The API cannot list types: without --type the usual types are shown, from amazon.image to
vagrant.box.

Examples:
  atlas-upload show acme/web
  atlas-upload show acme/web --type acme.rootfs --output json";

pub(in crate::cli) const CONFIG: &str = "\
A token is never shown. As JSON it is a list of
  {\"setting\", \"value\" (or null), \"from\": \"flag\" | \"variable\" | \"default\", \"name\" (or null)}

Example:
  atlas-upload config --atlas-url https://atlas.example.com";

pub(in crate::cli) const COMPLETIONS: &str = "\
Example:
  atlas-upload completions bash > /etc/bash_completion.d/atlas-upload";

pub(in crate::cli) const MAN: &str = "\
Example:
  atlas-upload man /usr/local/share/man/man1";

pub(in crate::cli) const PACKER: &str = "\
After the installation, Packer 1.5.2 and later has the post-processor that it dropped in 2018, and
templates with \"type\": \"atlas\" build unchanged.

Examples:
  atlas-upload packer install
  atlas-upload packer doctor
  atlas-upload packer uninstall";

pub(in crate::cli) const PACKER_INSTALL: &str = "\
The program is copied under the name that each version of Packer looks for: up to 1.6 as
packer-post-processor-atlas, from 1.7 as packer-plugin-atlas, from 1.11 below github.com/ with its
SHA-256 beside it. Files of other programs are not replaced. The paths of the files are printed.

Example:
  atlas-upload packer install --dir ~/.packer.d/plugins";

pub(in crate::cli) const TERRAFORM: &str = "\
After the installation, Terraform 0.12 and later has the provider atlas that it dropped after 0.11.

Examples:
  atlas-upload terraform install
  atlas-upload terraform doctor
  atlas-upload terraform uninstall";

pub(in crate::cli) const TERRAFORM_INSTALL: &str = "\
The program is copied as the provider hashicorp/atlas of Terraform's default registry, so that
`terraform init` needs no network for it: into ~/.terraform.d/plugins, where Terraform looks by itself,
or into a mirror that several machines share, or alone into a folder for dev_overrides. What Terraform's
configuration must say is printed. Files of other programs are not replaced.

Examples:
  atlas-upload terraform install --mirror /srv/terraform-providers
  atlas-upload terraform install --dir ~/bin/providers";

pub(in crate::cli) const WHOAMI: &str = "\
Example:
  atlas-upload whoami --atlas-url https://atlas.example.com";
