package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// width is how many hashes or entries a full tile has, and height how many levels of the tree it covers.
const (
	width  = 256
	height = 8
)

// rows has all hashes of tiles: the first row those of entries, each other row those of 256 hashes of the row before.
type rows [][]tlog.Hash

// ReadHashes gives proofs what they are made of: a hash of a tile, or one over some of its neighbours.
func (r rows) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		first, count := n<<(level%height), int64(1)<<(level%height)
		if level/height >= len(r) || first+count > int64(len(r[level/height])) {
			return nil, errors.New("the tree has no such hash")
		}
		hashes[i] = over(r[level/height][first : first+count])
	}
	return hashes, nil
}

// over is the hash over a power of two of neighbours.
func over(hashes []tlog.Hash) tlog.Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	half := len(hashes) / 2
	return tlog.NodeHash(over(hashes[:half]), over(hashes[half:]))
}

// files reads a file of a copy.
type files func(name string) ([]byte, error)

// tiles reads the tiles of a level, or those of entries, each with how much it should hold.
func (read files) tiles(level string, count int, take func(data []byte, first, count int) error) error {
	for first := 0; first < count; first += width {
		index, name, suffix := first/width, "", ""
		for name = fmt.Sprintf("%03d", index%1000); index >= 1000; {
			index /= 1000
			name = fmt.Sprintf("x%03d/%s", index%1000, name)
		}
		held := width
		if count-first < width {
			held = count - first
			suffix = fmt.Sprintf(".p/%d", held)
		}
		name = "tile/" + level + "/" + name + suffix
		data, err := read(name)
		if err == nil {
			err = take(data, first, held)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// entries reads all entries.
func (read files) entries(size int) (entries [][]byte, err error) {
	err = read.tiles("entries", size, func(data []byte, first, count int) error {
		for ; len(data) >= 2 && count > 0; count-- {
			end := 2 + int(binary.BigEndian.Uint16(data))
			if end > len(data) {
				return io.ErrUnexpectedEOF
			}
			entries, data = append(entries, data[2:end]), data[end:]
		}
		if len(data) != 0 || count != 0 {
			return errors.New("it has not as many entries as its name says")
		}
		return nil
	})
	return entries, err
}

// check compares the entries with the tiles of every level, and what they come to with what was signed.
func (read files) check(signed tlog.Tree) (entries [][]byte, tree rows, err error) {
	if entries, err = read.entries(int(signed.N)); err != nil {
		return nil, nil, err
	}
	row := make([]tlog.Hash, len(entries))
	for i, entry := range entries {
		row[i] = tlog.RecordHash(entry)
	}
	for level := 0; len(row) > 0; level++ {
		err = read.tiles(strconv.Itoa(level), len(row), func(data []byte, first, count int) error {
			var expected []byte
			for _, hash := range row[first : first+count] {
				expected = append(expected, hash[:]...)
			}
			if !bytes.Equal(data, expected) {
				return errors.New("it is not what the entries come to")
			}
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
		tree = append(tree, row)
		above := make([]tlog.Hash, len(row)/width)
		for i := range above {
			above[i] = over(row[i*width : (i+1)*width])
		}
		row = above
	}
	root, err := tlog.TreeHash(signed.N, tree)
	if err == nil && root != signed.Hash {
		err = errors.New("the entries do not come to what was signed")
	}
	return entries, tree, err
}

// prove makes proofs from the tiles and checks them: of some fifty entries, and from earlier sizes to later ones.
func prove(signed tlog.Tree, entries [][]byte, tree rows) (included, continued int, err error) {
	for n := int64(0); n < signed.N; n += signed.N/50 + 1 {
		proof, err := tlog.ProveRecord(signed.N, n, tree)
		if err == nil {
			err = tlog.CheckRecord(proof, signed.N, signed.Hash, n, tlog.RecordHash(entries[n]))
		}
		if err != nil {
			return 0, 0, fmt.Errorf("the entry at position %d: %w", n, err)
		}
		included++
	}
	sizes := []int64{1, 2, 3, 7, 8, 255, 256, 257, signed.N / 2, signed.N - 1, signed.N}
	for _, later := range sizes {
		for _, earlier := range sizes {
			if earlier < 1 || earlier > later || later > signed.N {
				continue
			}
			before, err1 := tlog.TreeHash(earlier, tree)
			after, err2 := tlog.TreeHash(later, tree)
			proof, err3 := tlog.ProveTree(later, earlier, tree)
			if err1 != nil || err2 != nil || err3 != nil || tlog.CheckTree(proof, later, after, earlier, before) != nil {
				return 0, 0, fmt.Errorf("%d entries do not continue %d", later, earlier)
			}
			continued++
		}
	}
	return included, continued, nil
}

func verifyCopy(dir string, proofs []string) error {
	read := files(func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, filepath.FromSlash(name))) })
	key, err := read("verifier-key")
	if err != nil {
		return err
	}
	text, err := read("checkpoint")
	if err != nil {
		return err
	}
	signed, err := open(string(key), string(text))
	if err != nil {
		return err
	}
	entries, tree, err := read.check(signed)
	if err != nil {
		return err
	}
	included, continued, err := prove(signed, entries, tree)
	if err != nil {
		return err
	}
	for _, file := range proofs {
		proof, err := os.ReadFile(file)
		if err == nil {
			err = checkProof(string(key), string(proof))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	fmt.Printf("x/mod: %d entries and all tiles are as signed; %d inclusions, %d continuations and %d proof files hold\n",
		signed.N, included, continued, len(proofs))
	return nil
}
