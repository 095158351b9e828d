//! What can be wrong with the file of a document, each with its stable code and the words for people.

use minutebook_domain::ids::Id;
use minutebook_domain::message::messages;
use minutebook_domain::refusal::DocumentShould;
use minutebook_domain::value::{Fault, Nearest};

use super::read::MAX_RECORDS;
use super::tree::MAX_DEPTH;
use super::{MAX_BYTES, MAX_VIOLATIONS};

const MAX_MIB: usize = MAX_BYTES >> 20;

messages! {
    /// What is wrong with a file, at a place that is told apart. Codes that the domain has too mean the same there.
    pub(crate) enum Defect {
        /// The file is over its limit.
        FileTooLarge {} = "FILE_TOO_LARGE"
            nl "het bestand is groter dan {MAX_MIB} MiB; verdeel het, of zet lange teksten in documenten en registreer die als bron"
            en "the file is over {MAX_MIB} MiB; divide it, or put long texts in documents and register them as sources"
        /// Bytes that are no text.
        NotUtf8 {} = "FILE_NOT_UTF8"
            nl "het bestand is vanaf hier geen UTF-8; sla het op als UTF-8"
            en "the file is not UTF-8 from here on; save it as UTF-8"
        /// Nothing at all.
        FileEmpty {} = "FILE_EMPTY"
            nl "het bestand is leeg; zet er secties in, zoals `agenda:` en `themes:`"
            en "the file is empty; write sections such as `agenda:` and `themes:`"
        /// More values than are read.
        TooManyValues {} = "TOO_MANY_VALUES"
            nl "het bestand bevat meer waarden dan een agenda kan hebben; verdeel het over meer bestanden"
            en "the file holds more values than an agenda can; hand it in as several"
        /// More records than are read.
        TooManyRecords {} = "TOO_MANY_RECORDS"
            nl "het bestand heeft meer dan {MAX_RECORDS} records; verdeel het over meer bestanden"
            en "the file has more than {MAX_RECORDS} records; hand it in as several"
        /// Deeper than is read.
        TooDeep {} = "TOO_DEEP"
            nl "waarden staan meer dan {MAX_DEPTH} niveaus diep in elkaar; schrijf ze minder diep"
            en "values stand more than {MAX_DEPTH} levels deep in one another; write them flatter"
        /// More violations than are reported.
        TooManyViolations {} = "TOO_MANY_VIOLATIONS"
            nl "het bestand heeft {MAX_VIOLATIONS} fouten of meer; herstel deze en lees het dan opnieuw in"
            en "the file has {MAX_VIOLATIONS} violations or more; repair these, then read it again"

        /// Text that no reader of YAML understands; only the reader's English words say more.
        YamlSyntax { why: String } = "YAML_SYNTAX"
            nl "geen geldige YAML; controleer inspringing, haken en aanhalingstekens (de lezer meldt: `{why}`)"
            en "not valid YAML: {why}; check the indentation, brackets and quotes"
        /// A further document.
        SecondDocument {} = "YAML_SECOND_DOCUMENT"
            nl "hier begint een tweede YAML-document; lever één document per bestand aan"
            en "a second YAML document starts here; hand in one document per file"
        /// A value that stands elsewhere.
        Alias {} = "YAML_ALIAS"
            nl "ankers en verwijzingen (`&naam`, `*naam`) worden niet gelezen; schrijf de waarde overal voluit"
            en "anchors and aliases (`&name`, `*name`) are not read; write the value out in each place"
        /// A type that is declared.
        Tag {} = "YAML_TAG"
            nl "tags (`!naam`) worden niet gelezen; laat de tag weg en zet aanhalingstekens om tekst"
            en "tags (`!name`) are not read; leave the tag out, and put quotes around text"
        /// Values that are merged in.
        MergeKey {} = "YAML_MERGE_KEY"
            nl "samenvoegsleutels (`<<`) worden niet gelezen; schrijf de waarden overal voluit"
            en "merge keys (`<<`) are not read; write the values out in each place"
        /// A key that is not a word.
        KeyForm {} = "KEY_FORM"
            nl "een sleutel moet een woord zijn, geen lijst of record"
            en "a key should be a word, not a list or a record"
        /// A key that stands twice.
        KeyRepeated { key: String, first: u32, line: u32 } = "KEY_REPEATED"
            nl "`{key}` staat hier twee keer, op regel {first} en {line}; houd er één over"
            en "`{key}` stands here twice, on lines {first} and {line}; keep one"
        /// A number that would lose digits.
        NumberTooLarge {} = "NUMBER_TOO_LARGE"
            nl "is een getal dat te groot is om precies te bewaren; schrijf een kleiner getal, of tekst tussen aanhalingstekens"
            en "is a number too large to be kept exactly; write a smaller one, or text in quotes"

        /// Text after the document.
        JsonSurplus {} = "JSON_SURPLUS"
            nl "het document eindigt hiervoor; verwijder wat na de laatste `}}` staat"
            en "the document ends before this; remove what follows its last `}}`"
        /// Text that ends too early.
        JsonIncomplete {} = "JSON_INCOMPLETE"
            nl "de tekst eindigt waar een waarde hoort te staan; is het bestand volledig?"
            en "the text ends where a value should stand; is the file complete?"
        /// Entries that nothing separates.
        JsonCommaMissing { close: char } = "JSON_COMMA_MISSING"
            nl "hier hoort een `,` of `{close}` te staan"
            en "a `,` or `{close}` should stand here"
        /// A comma that separates nothing.
        JsonCommaSurplus { close: char } = "JSON_COMMA_SURPLUS"
            nl "na de `,` vóór deze `{close}` volgt niets; verwijder de komma"
            en "nothing follows the `,` before this `{close}`; remove the comma"
        /// An entry without a key.
        JsonKeyMissing {} = "JSON_KEY_MISSING"
            nl "hier hoort een sleutel tussen dubbele aanhalingstekens te staan"
            en "a key in double quotes should stand here"
        /// A key without a colon.
        JsonColonMissing { key: String } = "JSON_COLON_MISSING"
            nl "na de sleutel `{key}` hoort een `:` te staan"
            en "a `:` should follow the key `{key}`"
        /// Text without an end.
        JsonTextOpen {} = "JSON_TEXT_OPEN"
            nl "deze tekst heeft geen dubbel aanhalingsteken aan het eind; voeg het toe"
            en "this text has no closing double quote; add it"
        /// Text with characters that should be escaped.
        JsonTextForm {} = "JSON_TEXT_FORM"
            nl "deze tekst staat er niet zoals JSON dat vraagt; gebruik \\n voor een regeleinde en \\\\ voor een backslash"
            en "this text is not as JSON writes it; use \\n for a line break and \\\\ for a backslash"
        /// Not a number.
        JsonNumberForm { written: String } = "JSON_NUMBER_FORM"
            nl "`{written}` is geen getal zoals JSON het schrijft; schrijf bijvoorbeeld 12 of 0.5"
            en "`{written}` is not a number as JSON writes it; write for example 12 or 0.5"
        /// No value.
        JsonValueMissing {} = "JSON_VALUE_MISSING"
            nl "hier hoort een waarde te staan; JSON kent geen commentaar en geen andere aanhalingstekens dan `\"`"
            en "a value should stand here; JSON has no comments and no other quotes than `\"`"
        /// Text without quotes.
        JsonWordUnknown { word: String } = "JSON_WORD_UNKNOWN"
            nl "`{word}` is geen waarde; zet dubbele aanhalingstekens om tekst"
            en "`{word}` is not a value; put double quotes around text"

        /// Not a document of sections.
        SectionsMissing {} = "SECTIONS_MISSING"
            nl "het bestand moet uit secties bestaan, zoals `agenda:` en `themes:`"
            en "the file should hold sections such as `agenda:` and `themes:`"
        /// A section that stands inside another.
        SectionNested { key: String } = "SECTION_NESTED"
            nl "`{key}` is geen zelfstandige sectie; zet die binnen `themes`"
            en "`{key}` is not a section of its own; it stands inside `themes`"
        /// A section that no document has.
        SectionUnknown { key: String, nearest: Nearest } = "SECTION_UNKNOWN"
            nl "`{key}` is geen sectie van een agendadocument{nearest:#}"
            en "`{key}` is not a section of an agenda document{nearest}"
        /// A section that is not a list.
        SectionForm {} = "SECTION_FORM"
            nl "moet een lijst van records zijn; begin elk record met `- `"
            en "should be a list of records; start each with `- `"
        /// A record without names.
        RecordForm {} = "RECORD_FORM"
            nl "moet een record zijn: waarden met elk een naam, zoals `id: …`"
            en "should be a record of named values such as `id: …`"
        /// A mark that says something else than yes.
        InventedForm {} = "INVENTED_FORM"
            nl "moet `true` zijn; laat het anders weg"
            en "should be `true`, or left out"
        /// Neither a whole edition nor a part.
        DocumentForm { should: DocumentShould } = "DOCUMENT_FORM"
            nl "{should:#}"
            en "{should}"

        /// An id that stands twice.
        DuplicateId { id: Id, first: u32, line: u32 } = "DUPLICATE_ID"
            nl "het id `{id}` staat twee keer in deze sectie, op regel {first} en {line}; geef elk record een eigen id"
            en "the id `{id}` stands twice in this section, on lines {first} and {line}; give each record its own id"
        /// Not the number of a section of text.
        SectionNumber { text: String } = "SECTION_NUMBER_FORM"
            nl "`{text}` is geen paragraafnummer; gebruik cijfers met punten ertussen, zoals `3.1`"
            en "`{text}` is not a section number; use digits joined by full stops, such as `3.1`"
        /// A parent that the place gives already.
        ParentStated {} = "PARENT_STATED"
            nl "volgt al uit de plaats in het bestand; laat het weg"
            en "is given by the place in the file; leave it out"
        /// A value that does not fit its field.
        Field { fault: Fault } of fault
            nl "{fault:#}"
            en "{fault}"

        /// A file that changes cannot be added to.
        ChangesNotAdded {} = "CHANGES_NOT_ADDED"
            nl "aan `changes` is niets toe te voegen zoals dit bestand is opgemaakt; zet de wijzigingen als regels met `- ` aan het eind"
            en "the `changes` cannot be added to the way this file is written; write them as `- ` lines at its end"
    }
}

impl From<Fault> for Defect {
    fn from(fault: Fault) -> Self {
        Self::Field { fault }
    }
}
