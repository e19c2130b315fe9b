// Packs a file into a temporary file and sends that, with the very code that Packer's atlas post-processor
// used.
package main

import (
	"fmt"
	"net/http"
	"os"

	"github.com/hashicorp/atlas-go/archive"
)

func main() {
	if err := upload(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func upload(file, url string) error {
	packed, err := archive.CreateArchive(file, new(archive.ArchiveOpts))
	if err != nil {
		return err
	}
	defer packed.Close()
	request, err := http.NewRequest("PUT", url, packed)
	if err != nil {
		return err
	}
	request.ContentLength = packed.Size
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if reply.StatusCode >= 300 {
		return fmt.Errorf("PUT: %s", reply.Status)
	}
	return nil
}
