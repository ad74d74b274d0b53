// peer: the same status call in Go, for comparison: verifies the bearer against a hashed table, reads the user's connections
// from SQLite and answers the same JSON, over a unix socket behind the same nginx.
package main

import (
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

type token struct {
	Name         string   `json:"name"`
	Scopes       []string `json:"scopes"`
	ExpiresAt    *string  `json:"expiresAt"`
	DaysToExpiry *int     `json:"daysToExpiry"`
	CanRead      bool     `json:"canRead"`
	CanPush      bool     `json:"canPush"`
}

type connection struct {
	Connected     bool     `json:"connected"`
	Username      string   `json:"username"`
	InstanceURL   string   `json:"instanceUrl"`
	GitlabUserID  string   `json:"gitlabUserId"`
	UpdatedAt     string   `json:"updatedAt"`
	Token         token    `json:"token"`
	Warnings      []string `json:"warnings"`
	Valid         bool     `json:"valid"`
	LastCheckedAt string   `json:"lastCheckedAt"`
}

type status struct {
	connection
	Connections []connection `json:"connections"`
}

func main() {
	socket := flag.String("socket", "", "unix socket")
	database := flag.String("database", "", "SQLite file with the table peer_connections")
	bearer := flag.String("bearer-file", "", "file with the accepted bearer")
	user := flag.String("user", "developer", "its user")
	flag.Parse()

	text, err := os.ReadFile(*bearer)
	if err != nil {
		log.Fatal(err)
	}
	users := map[[32]byte]string{sha256.Sum256([]byte(strings.TrimSpace(string(text)))): *user}
	db, err := sql.Open("sqlite3", "file:"+*database+"?_busy_timeout=1000&mode=ro")
	if err != nil {
		log.Fatal(err)
	}
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(4)
	query, err := db.Prepare("SELECT username, instance_url, gitlab_user_id, token_name, scopes, expires_at, updated_at, valid, last_checked_at" +
		" FROM peer_connections WHERE user_id = ? ORDER BY updated_at DESC")
	if err != nil {
		log.Fatal(err)
	}

	http.HandleFunc("/api/auth/gitlab/status", func(w http.ResponseWriter, r *http.Request) {
		id, known := users[sha256.Sum256([]byte(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")))]
		if !known {
			http.Error(w, `{"error":"unauthenticated"}`, http.StatusUnauthorized)
			return
		}
		rows, err := query.Query(id)
		if err != nil {
			http.Error(w, `{"error":"store"}`, http.StatusServiceUnavailable)
			return
		}
		defer rows.Close()
		var answer status
		for rows.Next() {
			var c connection
			var scopes string
			var updated, checked int64
			if err := rows.Scan(&c.Username, &c.InstanceURL, &c.GitlabUserID, &c.Token.Name, &scopes, &c.Token.ExpiresAt, &updated, &c.Valid, &checked); err != nil {
				http.Error(w, `{"error":"store"}`, http.StatusServiceUnavailable)
				return
			}
			c.Connected = true
			c.Token.Scopes = strings.Fields(scopes)
			c.Token.CanRead, c.Token.CanPush = true, true
			c.Warnings = []string{}
			c.UpdatedAt = time.Unix(updated, 0).UTC().Format(time.RFC3339)
			c.LastCheckedAt = time.Unix(checked, 0).UTC().Format(time.RFC3339)
			answer.Connections = append(answer.Connections, c)
		}
		if len(answer.Connections) > 0 {
			answer.connection = answer.Connections[0]
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("X-Request-ID", r.Header.Get("X-Request-Id"))
		json.NewEncoder(w).Encode(answer)
	})
	os.Remove(*socket)
	listener, err := net.Listen("unix", *socket)
	if err != nil {
		log.Fatal(err)
	}
	os.Chmod(*socket, 0o666)
	log.Fatal(http.Serve(listener, nil))
}
