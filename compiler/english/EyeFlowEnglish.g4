// Plain English, controlled: sentences that each mean one thing. The lexer sees small letters only (ASCII), so that a
// sentence may begin with a large one; names and units are taken from the text as it was written.
//
// A phrase is one or more words that mean nothing here ("the cooling pump"): what these sentences are made of cannot be
// part of a name. Three words decide at each choice how a sentence goes on, so that no text can be read in two ways:
// tests/english/one_reading.py proves it, and names the choice where a new form overlaps with another.
grammar EyeFlowEnglish;

options { language = Cpp; }

sentence: (monitor | collect | image | classify | compute | condition | transfer) ('.' | EOF);

// ---- Where values come from

monitor: ('monitor' | 'watch' | 'read' | 'measure') phrase inUnit? ('on' | 'from' | 'at' | 'of') 'sensor' name every?;
collect: 'collect' duration 'of' phrase inUnit? 'from' 'sensor' name ('at' value)?;
image: every ','? take size? | take size? every;
take: 'take' ('an' | 'a')? 'image' 'from' 'camera' name;
size: ('of' | 'with')? NUMBER ('by' | 'x') NUMBER 'pixels'?;
inUnit: 'in' unit;
every: 'every' duration;

// ---- What is made of them

classify: 'classify' ('it' | article? 'image') 'with' article? 'model' name ('as' name ((',' | 'or' | ',' 'or') name)*)?;
compute: ('compute' | 'calculate') phrase ((',' | 'and' | ',' 'and') phrase)* over?;
over: 'over' ('the' 'last')? duration every?;

// ---- What is done

condition: ('if' | 'when' | 'whenever') clause (('and' clause)+ | ('or' clause)+)? lasting? ','? 'then'? actions until?
           (','? 'otherwise' ','? actions)?;
until: ','? 'until' 'it'? 'is'? relation value lasting?;   // what ends an alarm
lasting: 'for' duration;
clause: subject? ('is' | 'falls' | 'drops' | 'rises' | 'goes' | 'stays')? comparison;
subject: phrase (('on' | 'from' | 'of' | 'at') 'sensor' name)? | 'sensor' name | 'it';
comparison
  : relation value                            # compared
  | 'not'? 'between' value 'and' value        # between
  | 'outside' 'of'? value ('to' | 'and') value # outside
  | 'silent'                                  # silent
  ;
relation
  : ('>' | 'above' | 'over' | 'exceeds' | ('more' | 'greater' | 'higher') 'than')   # above
  | ('<' | 'below' | 'under' | ('less' | 'lower') 'than')                            # below
  | ('>=' | '≥' | 'at' 'least')                                                     # atLeast
  | ('<=' | '≤' | 'at' 'most')                                                      # atMost
  ;

actions: action ((',' | 'and' | ',' 'and') action)*;
action
  : ('trigger' | 'raise') article? 'local'? 'alarm' TEXT? atOnce?                               # alarm
  | ('alert' | 'notify' | 'tell' | 'warn') article? 'operator' TEXT? atOnce?                    # operator
  | 'sound' phrase atOnce?                                                                      # sound
  | ('stop' | 'close') phrase atOnce? deadline?                                                 # off
  | ('start' | 'open') phrase atOnce? deadline?                                                 # on
  | ('turn' | 'switch') (turned phrase | phrase turned) atOnce? deadline?                       # turn
  | 'schedule' phrase                                                                           # schedule
  | transfer                                                                                    # send
  ;
turned: 'on' | 'off';
atOnce: 'immediately' | 'at' 'once';
deadline: 'within' duration;

transfer: ('log' | 'send' | 'record' | 'store' | 'save' | 'keep') ('it' | 'everything' | phrase)? place
          ('for' phrase)? every?;
place: ('to' | 'in') article? 'cloud' | ('to' | 'on') article? 'device' | 'locally';

// ---- Words

article: 'the' | 'a' | 'an';
phrase: article? WORD+;
name: WORD | 'a' | 'x';
value: '-'? NUMBER unit?;
duration: NUMBER? unit;
unit: (WORD | 'a')+;

TEXT: '"' ~["\r\n]* '"';
NUMBER: [0-9]+ ('.' [0-9]+)?;
WORD: LETTER (LETTER | DIGIT | [/·^-])*;
SPACE: [ \t\r\n\u00A0]+ -> skip;
COMMENT: '#' ~[\r\n]* -> skip;
ANYTHING: .;

// In ranges, as the task language has them: every start of a program that can read sentences builds these sets, piece by
// piece, and all letters of Unicode are hundreds of pieces.
fragment LETTER: [a-zA-Z_°%\u00B5\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u02FF\u0370-\u1FFF\u2126\u3040-\uD7FF];
fragment DIGIT: [0-9²³¹\u2070-\u2079\u2080-\u2089];
