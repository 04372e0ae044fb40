// Judges our notes, proofs and tiles with Go's own golang.org/x/mod/sumdb, and with nothing of ours.
//
// Reads one claim a line on standard input (JSON; bytes in base64), answers one line each: "accepted" or "refused".
// An argument is the folder below which tiles lie.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type claim struct {
	Kind  string // note, inclusion, consistency, tiles
	Raw   []byte
	Text  string
	Vkey  string
	Leaf  []byte
	Index int64
	Size1 int64
	Size2 int64
	Root1 []byte
	Root2 []byte
	Proof [][]byte
}

func main() {
	lines := json.NewDecoder(os.Stdin)
	for lines.More() {
		var c claim
		if err := lines.Decode(&c); err != nil {
			panic(err)
		}
		if err := judge(c); err != nil {
			fmt.Printf("refused: %q\n", err)
		} else {
			fmt.Println("accepted")
		}
	}
}

func judge(c claim) error {
	switch c.Kind {
	case "note":
		verifier, err := note.NewVerifier(c.Vkey)
		if err != nil {
			return err
		}
		opened, err := note.Open(c.Raw, note.VerifierList(verifier))
		if err == nil && opened.Text != c.Text {
			return fmt.Errorf("opened another text")
		}
		return err
	case "inclusion":
		return withHashes(c, func(proof []tlog.Hash, leaf, _, root tlog.Hash) error {
			return tlog.CheckRecord(proof, c.Size2, root, c.Index, leaf)
		})
	case "consistency":
		return withHashes(c, func(proof []tlog.Hash, _, root1, root2 tlog.Hash) error {
			return tlog.CheckTree(proof, c.Size2, root2, c.Size1, root1)
		})
	case "tiles":
		return withHashes(c, func(_ []tlog.Hash, leaf, _, root tlog.Hash) error {
			reader := tlog.TileHashReader(tlog.Tree{N: c.Size2, Hash: root}, folder(os.Args[1]))
			hashes, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, c.Index)})
			if err == nil && hashes[0] != leaf {
				return fmt.Errorf("another leaf")
			}
			return err
		})
	}
	panic(c.Kind)
}

// withHashes gives the claim's byte strings as hashes, where they are as long as hashes are.
func withHashes(c claim, check func(proof []tlog.Hash, leaf, root1, root2 tlog.Hash) error) error {
	var all []tlog.Hash
	for _, raw := range append([][]byte{c.Leaf, c.Root1, c.Root2}, c.Proof...) {
		if len(raw) != tlog.HashSize {
			return fmt.Errorf("a hash of %d bytes", len(raw))
		}
		var h tlog.Hash
		copy(h[:], raw)
		all = append(all, h)
	}
	return check(all[3:], all[0], all[1], all[2])
}

// folder serves C2SP tiles to Go: the same hashes under paths that do not name the height.
type folder string

func (folder) Height() int                     { return 8 }
func (folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range tiles {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		raw, err := os.ReadFile(filepath.Join(string(f), path))
		if err != nil {
			return nil, err
		}
		data = append(data, raw)
	}
	return data, nil
}
