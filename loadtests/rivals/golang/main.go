// The usual small USSD service in Go: net/http, the form, GET and SET of a JSON session through redigo.
//
// It shows one constant screen: no menu is run and no revision compared, so it does less than a USSD
// server does. Started as: server PORT REDIS_SOCKET
package main

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/gomodule/redigo/redis"
)

const (
	path     = "/api/v1/ussd"
	constant = "CON Welcome to the bench.\n1. Apply for a loan\n2. Rates\n3. Kiswahili"
	ttlS     = 180
	sockets  = 128 // to Redis: with the default of two idle ones redigo would dial for most requests
)

type session struct {
	MSISDN string `json:"msisdn"`
	Text   string `json:"text"`
	Turn   int    `json:"turn"`
}

type server struct {
	store *redis.Pool
}

func (server *server) ServeHTTP(reply http.ResponseWriter, request *http.Request) {
	if err := request.ParseForm(); err != nil || request.PostForm.Get("sessionId") == "" {
		http.Error(reply, "no sessionId", http.StatusBadRequest)
		return
	}
	if err := server.turn(request); err != nil {
		log.Print(err)
		http.Error(reply, "no session", http.StatusServiceUnavailable)
		return
	}
	reply.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if _, err := io.WriteString(reply, constant); err != nil {
		log.Print(err)
	}
}

// turn reads the session, moves it on and keeps it.
func (server *server) turn(request *http.Request) error {
	connection := server.store.Get()
	defer connection.Close()
	key := "go:" + request.PostForm.Get("sessionId")
	kept, err := redis.Bytes(connection.Do("GET", key))
	current := session{MSISDN: request.PostForm.Get("phoneNumber")}
	if err == nil {
		err = json.Unmarshal(kept, &current)
	}
	if err != nil && err != redis.ErrNil {
		return err
	}
	current.Turn++
	current.Text = request.PostForm.Get("text")
	if kept, err = json.Marshal(&current); err != nil {
		return err
	}
	_, err = connection.Do("SET", key, kept, "EX", ttlS)
	return err
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: server PORT REDIS_SOCKET")
	}
	store := &redis.Pool{
		MaxIdle:     sockets,
		MaxActive:   sockets,
		Wait:        true,
		IdleTimeout: 5 * time.Minute,
		Dial:        func() (redis.Conn, error) { return redis.Dial("unix", os.Args[2]) },
	}
	http.Handle(path, &server{store})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
