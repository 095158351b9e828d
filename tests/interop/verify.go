// Verify checks a log with the programs of others: golang.org/x/mod/sumdb has the tree, its proofs and signed notes.
//
//	verify copy DIR [PROOF ...]   a directory of `minutebook export-tiles`, and files of `minutebook prove`
//	verify answers FILE           answers as JSON lines: honest ones, and hostile ones by class
//
// Exit code 0: the copy and the proofs are as signed; or of the answers the honest ones are right, and no others. 1: not.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// open opens a signed checkpoint with the key of its log.
func open(key, text string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(strings.TrimSpace(key))
	if err != nil {
		return tlog.Tree{}, err
	}
	signed, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, errors.New("the text is not a checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 1 || strconv.FormatInt(size, 10) != lines[1] {
		return tlog.Tree{}, errors.New("the second line is not a size")
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// checkProof checks a proof as text (https://c2sp.org/tlog-proof), whose extra data is the entry.
func checkProof(key, text string) error {
	parts := strings.SplitN(text, "\n\n", 2)
	lines := strings.Split(parts[0], "\n")
	if len(parts) < 2 || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("this is not a proof")
	}
	if !strings.HasPrefix(lines[1], "extra ") || !strings.HasPrefix(lines[2], "index ") {
		return errors.New("the proof names no entry or no index")
	}
	entry, err := base64.StdEncoding.DecodeString(lines[1][len("extra "):])
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(lines[2][len("index "):], 10, 64)
	if err != nil {
		return err
	}
	var path tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		path = append(path, hash)
	}
	return checkRecord(key, parts[1], path, index, entry)
}

func checkRecord(key, text string, path tlog.RecordProof, index int64, entry []byte) error {
	signed, err := open(key, text)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(path, signed.N, signed.Hash, index, tlog.RecordHash(entry))
}

// answer is what somebody says of a log whose key is known. Which fields count depends on the kind.
type answer struct {
	Class, Kind           string
	Key, Note, Old, Proof string
	Entry                 []byte
	Index                 int64
	Path                  []tlog.Hash
	Files                 map[string][]byte
}

// check tells why the answer is not to be believed.
func (a answer) check() error {
	if a.Kind == "proof" {
		return checkProof(a.Key, a.Proof)
	}
	if a.Kind == "inclusion" {
		return checkRecord(a.Key, a.Note, a.Path, a.Index, a.Entry)
	}
	signed, err := open(a.Key, a.Note)
	if err != nil || a.Kind == "checkpoint" {
		return err
	}
	switch a.Kind {
	case "consistency":
		old, err := open(a.Key, a.Old)
		if err != nil {
			return err
		}
		return tlog.CheckTree(a.Path, signed.N, signed.Hash, old.N, old.Hash)
	case "copy":
		_, _, err := files(func(name string) ([]byte, error) {
			data, found := a.Files[name]
			if !found {
				return nil, os.ErrNotExist
			}
			return data, nil
		}).check(signed)
		return err
	}
	return fmt.Errorf("nobody knows the kind %q", a.Kind)
}

// answers refuses all but the answers of the class "honest", which are those that minutebook accepts.
func answers(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	hostile, honest := 0, 0
	for decoder := json.NewDecoder(bytes.NewReader(data)); decoder.More(); {
		var a answer
		if err := decoder.Decode(&a); err != nil {
			return err
		}
		refused := a.check()
		if (refused == nil) != (a.Class == "honest") {
			return fmt.Errorf("an answer of the class %q, about %s: %v", a.Class, a.Kind, refused)
		}
		if refused == nil {
			honest++
		} else {
			hostile++
		}
	}
	if hostile < 200 || honest == 0 {
		return fmt.Errorf("only %d hostile and %d honest answers", hostile, honest)
	}
	fmt.Printf("x/mod agrees with minutebook: %d hostile answers refused, %d honest ones accepted\n", hostile, honest)
	return nil
}

func main() {
	err := errors.New("usage: verify copy DIR [PROOF ...] | verify answers FILE")
	if len(os.Args) > 2 && os.Args[1] == "copy" {
		err = verifyCopy(os.Args[2], os.Args[3:])
	} else if len(os.Args) == 3 && os.Args[1] == "answers" {
		err = answers(os.Args[2])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "not proved:", err)
		os.Exit(1)
	}
}
