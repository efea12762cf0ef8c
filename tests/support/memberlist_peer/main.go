// A memberlist node as a MetalLB speaker is one: version 0.5.1, no delegate, no Meta. What it sees and does goes by HTTP on
// the loopback: GET /members, /join?to=ADDRESS, /leave.
package main

import (
	"bufio"
	"encoding/hex"
	"flag"
	"fmt"
	"log"
	"net"
	"strings"
	"time"

	"github.com/hashicorp/memberlist"
)

func main() {
	name := flag.String("name", "", "name of the node")
	address := flag.String("address", "", "address to bind and to advertise")
	port := flag.Int("port", 7946, "port to bind and to advertise")
	key := flag.String("key", "", "key in hexadecimal digits; empty for none")
	label := flag.String("label", "", "label of the cluster")
	control := flag.String("control", "127.0.0.1:7373", "where HTTP is served")
	flag.Parse()

	config := memberlist.DefaultLANConfig()
	config.Name, config.Label = *name, *label
	config.BindAddr, config.AdvertiseAddr = *address, *address
	config.BindPort, config.AdvertisePort = *port, *port
	if *key != "" {
		secret, err := hex.DecodeString(*key)
		if err != nil {
			log.Fatal(err)
		}
		config.SecretKey = secret
	}
	list, err := memberlist.Create(config)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", *control)
	if err != nil {
		log.Fatal(err)
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(conn, list)
	}
}

// As much HTTP as a test needs: the package net/http would take longer to build than all the rest.
func serve(conn net.Conn, list *memberlist.Memberlist) {
	defer conn.Close()
	line, err := bufio.NewReader(conn).ReadString('\n')
	words := strings.Fields(line)
	if err != nil || len(words) < 2 {
		return
	}
	fmt.Fprint(conn, "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n")
	path, to, _ := strings.Cut(words[1], "?to=")
	switch path {
	case "/members":
		for _, n := range list.Members() {
			fmt.Fprintf(conn, "%s %s %d %d\n", n.Name, n.Addr, n.State, len(n.Meta))
		}
	case "/join":
		n, err := list.Join([]string{to})
		fmt.Fprintln(conn, n, err)
	case "/leave":
		fmt.Fprintln(conn, list.Leave(time.Second))
	}
}
