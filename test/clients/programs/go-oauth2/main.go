// Command go-oauth2 uses golang.org/x/oauth2/google and cloud.google.com/go/compute/metadata.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"

	"cloud.google.com/go/compute/metadata"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

const scope = "https://www.googleapis.com/auth/cloud-platform"

func show(client *http.Client, url string) {
	response, err := client.Get(url)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(body))
}

func main() {
	ctx := context.Background()
	if os.Args[1] == "access" {
		client, err := google.DefaultClient(ctx, scope)
		if err != nil {
			log.Fatal(err)
		}
		for _, url := range os.Args[2:] {
			show(client, url)
		}
		return
	}
	token, err := metadata.Get("instance/service-accounts/default/identity?audience=" + url.QueryEscape(os.Args[2]))
	if err != nil {
		log.Fatal(err)
	}
	show(oauth2.NewClient(ctx, oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token})), os.Args[3])
}
