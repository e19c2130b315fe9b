// Sends requests to an Atlas with HashiCorp's own client library, and prints the library's results.
//
// The address and a token come from ATLAS_ADDRESS and ATLAS_TOKEN. The Atlas must have a user "amy" with the
// password "secret", and a limit of 1024 bytes for files.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"

	atlas "github.com/hashicorp/atlas-go/v1"
)

func main() {
	client, err := atlas.NewClient(os.Getenv("ATLAS_ADDRESS"))
	must(err)
	must(client.Verify())
	fmt.Println("verified")

	workWithArtifacts(client)
	meetErrors(client)
	logIn(client)
}

func workWithArtifacts(client *atlas.Client) {
	_, err := client.Artifact("amy", "web")
	fmt.Println("artifact before it is made:", err)
	made, err := client.CreateArtifact("amy", "web")
	must(err)
	found, err := client.Artifact("amy", "web")
	must(err)
	fmt.Printf("created %+v, found %+v\n", *made, *found)

	file := []byte("\x1f\x8b\x08 as it was sent")
	upload(client, file, map[string]string{"region.us-east-1": "ami-1", "created_at": "1"})
	upload(client, nil, map[string]string{"created_at": "2"})

	for _, opts := range []atlas.ArtifactSearchOpts{
		{},
		{Version: "latest"},
		{Version: "any", Metadata: map[string]string{"region.us-east-1": atlas.MetadataAnyValue, "created_at": "1"}},
		{Build: "5"},
		{Build: "6"},
	} {
		opts.User, opts.Name, opts.Type = "amy", "web", "custom.image"
		search(client, &opts)
	}
}

func upload(client *atlas.Client, file []byte, metadata map[string]string) {
	opts := &atlas.UploadArtifactOpts{
		User: "amy", Name: "web", Type: "custom.image", ID: "an id", Metadata: metadata, BuildID: 5,
	}
	if file != nil {
		opts.File, opts.FileSize = bytes.NewReader(file), int64(len(file))
	}
	version, err := client.UploadArtifact(opts)
	must(err)
	fmt.Printf("uploaded %s, file %t, metadata %v\n", version.Slug, version.File, version.Metadata)

	url, err := client.ArtifactFileURL(version)
	must(err)
	if url == nil {
		fmt.Println("no file to fetch")
		return
	}
	request, err := http.NewRequest("GET", url.String(), nil)
	must(err)
	request.Header.Set("X-Atlas-Token", client.Token)
	response, err := client.HTTPClient.Do(request)
	must(err)
	body, err := io.ReadAll(response.Body)
	must(err)
	fmt.Printf("fetched %s: the same bytes %t\n", url.Path, bytes.Equal(body, file))
}

func search(client *atlas.Client, opts *atlas.ArtifactSearchOpts) {
	versions, err := client.ArtifactSearch(opts)
	must(err)
	fmt.Printf("search version %q build %q:", opts.Version, opts.Build)
	for _, version := range versions {
		fmt.Printf(" %s", version.Slug)
	}
	fmt.Println()
}

func meetErrors(client *atlas.Client) {
	_, err := client.CreateArtifact("amy", "web")
	fmt.Println("a name taken:", err)
	_, err = client.CreateArtifact("amy", "a b")
	fmt.Println("a bad name:", err)
	_, err = client.ArtifactSearch(&atlas.ArtifactSearchOpts{User: "amy", Name: "no", Type: "x"})
	fmt.Println("a search of nothing:", err)
	_, err = client.UploadArtifact(&atlas.UploadArtifactOpts{User: "amy", Name: "web", Type: "vagrant.box"})
	fmt.Println("a box without provider:", err)
	large := make([]byte, 1025)
	_, err = client.UploadArtifact(&atlas.UploadArtifactOpts{
		User: "amy", Name: "web", Type: "large", File: bytes.NewReader(large), FileSize: 1025,
	})
	fmt.Println("a file over the limit:", err)

	stranger := *client
	stranger.Token = "unknown"
	fmt.Println("an unknown token:", stranger.Verify())
	stranger.Token = ""
	_, err = stranger.CreateArtifact("amy", "mine")
	fmt.Println("no token, writing:", err)
	_, err = stranger.Artifact("amy", "web")
	fmt.Println("no token, reading:", err)
}

func logIn(client *atlas.Client) {
	_, err := client.Login("amy", "wrong")
	fmt.Println("a wrong password:", err)
	token, err := client.Login("amy", "secret")
	must(err)
	fmt.Println("a new token:", token != "" && token == client.Token)
	must(client.Verify())
	_, err = client.CreateArtifact("acme", "web")
	fmt.Println("a name that is another's:", err)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
