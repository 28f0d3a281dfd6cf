// Command go-api uses google.golang.org/api: transport/http and idtoken.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	"google.golang.org/api/idtoken"
	"google.golang.org/api/option"
	transport "google.golang.org/api/transport/http"
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
		client, _, err := transport.NewClient(ctx, option.WithScopes(scope))
		if err != nil {
			log.Fatal(err)
		}
		for _, url := range os.Args[2:] {
			show(client, url)
		}
		return
	}
	client, err := idtoken.NewClient(ctx, os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	show(client, os.Args[3])
}
