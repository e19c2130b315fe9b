# Manages a box with the gem vagrant_cloud, as scripts do, and prints what the gem has read.

require "vagrant_cloud"

address = "#{ENV.fetch("ATLAS_ADDRESS")}/api/v1"
first, file = ARGV

account = VagrantCloud::Account.new(custom_server: address, access_token: ENV.fetch("ATLAS_TOKEN"))
puts "account: #{account.username}"

box = account.organization.add_box("web")
box.short_description = "short"
box.description = "A *box*"
box.private = false
box.save
puts "box: #{box.tag}, private #{box.private}, #{box.description_markdown}"

version = box.add_version("1.0.0")
version.description = "The first"
version.save
puts "version: #{version.version}, #{version.status}"

provider = version.add_provider("virtualbox")
provider.save
# The gem sends the file in chunks, without its length.
provider.upload(path: first)
direct = provider.upload(direct: true)
Excon.put(direct.upload_url, body: File.binread(file))
direct.callback.call
version.release
puts "released: #{version.status}"

# Everything again, as another process reads it.
account = VagrantCloud::Account.new(custom_server: address, access_token: ENV.fetch("ATLAS_TOKEN"))
box = account.organization(name: "acme").boxes.find { |it| it.name == "web" }
puts "current version: #{box.current_version.version}"
version = box.versions.first
provider = version.providers.first
puts "read: #{box.versions.length} version, #{version.number}, #{version.description_markdown}, " \
  "#{version.providers.map(&:name).join(" ")}, hosted #{provider.hosted}"
downloaded = Excon.get(provider.download_url, middlewares: Excon.defaults[:middlewares] +
  [Excon::Middleware::RedirectFollower])
puts "downloaded: #{downloaded.body == File.binread(file)}"

found = account.searcher.search(query: "web", limit: 1)
puts "found: #{found.boxes.map(&:tag).join(" ")}"
puts "next page: #{found.next.boxes.length}"

version.revoke
puts "revoked: #{version.status}"
begin
  box.add_version("v1.2").save
rescue VagrantCloud::Error::ClientError => error
  puts "refused: #{error.message}"
end

client = VagrantCloud::Client.new(url_base: address)
created = client.authentication_token_create(username: "acme", password: "secret", description: "a script")
puts "token: #{created.keys.join(" ")}, #{created[:description]}"
own = VagrantCloud::Account.new(custom_server: address, access_token: created[:token])
puts "account of the token: #{own.validate_token.username}"
own.delete_token

provider.delete
version.delete
box.delete
account = VagrantCloud::Account.new(custom_server: address, access_token: ENV.fetch("ATLAS_TOKEN"))
puts "boxes left: #{account.organization.boxes.length}"
