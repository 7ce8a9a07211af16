// The whole task language. What this version's checker does not accept yet is refused there, by name, not here.
//
// Words that only mean something in one place (`at`, `stale`, `value` …) stay usable as names: see `name`. Where a line
// ends does not matter, with two exceptions: a unit stands on the line of its number, the value of `return` on the line
// of its `return`.
grammar EyeFlow;

options { language = Cpp; }

@lexer::members {
// A number and a word behind it are a quantity, unless the word is one of the language's: `0.0 in 1 .. 2`, `5 and x`.
// The unit must also be complete: `20 i` is not to be cut out of `20 in`.
bool unit_ends_here();
}

@parser::members {
bool value_on_this_line() {
  return _input->LT(1)->getLine() == _input->LT(-1)->getLine();
}
}

// ---- File ----------------------------------------------------------------------------------------------------------

file: (taskDecl | testDecl | decl | ';')* EOF;

taskDecl: TASK name '{' (decl | ';')* '}';

decl
  : inputDecl | outputDecl | alarmDecl | paramDecl | stateDecl | constDecl | modelDecl | recordDecl | enumDecl
  | functionDecl | useDecl | unitDecl | handlerDecl
  ;

inputDecl: INPUT name ':' type inputOption*;
inputOption
  : AT expr                                   # inputRate
  | EVERY expr                                # inputEvery
  | STALE AFTER expr                          # inputStale
  | QUEUE expr (DROP name)?                   # inputQueue
  | LATEST                                    # inputLatest
  | HOLD                                      # inputHold     // what a bad or stale reading is taken for
  | SKIP_BAD                                  # inputSkip
  | ELSE expr                                 # inputElse
  ;

outputDecl: OUTPUT name ':' outputForm ('=' expr)? (TO CLOUD)?;
outputForm
  : SWITCH                                    # switchForm
  | VALUE type                                # valueForm
  | LOG '{' fields '}'                        # logForm
  ;
fields: (field (','? field)* ','?)?;
field: anyWord ':' type;

alarmDecl: ALARM name expr WHEN expr (FOR expr)? alarmOption*;
alarmOption
  : CLEAR (BELOW | ABOVE) expr                # alarmClearAt
  | CLEAR WHEN expr (FOR expr)?               # alarmClearWhen
  | LATCH                                     # alarmLatch
  | PRIORITY name                             # alarmPriority
  | REMIND EVERY expr                         # alarmRemind
  | DRIVES name (',' name)*                   # alarmDrives
  ;

paramDecl: PARAM name ':' type '=' expr (IN expr '..' expr)?;
stateDecl: STATE name (':' type)? ('=' expr)?;
constDecl: CONST name (':' type)? '=' expr;
modelDecl: MODEL name ':' '(' (modelParameter (',' modelParameter)* ','?)? ')' '->' type;
modelParameter: (name ':')? type;
recordDecl: RECORD name ('(' name (',' name)* ')')? '{' (recordMember | ',' | ';')* '}';
recordMember: functionDecl | plainWord ':' type ('=' expr)?;
enumDecl: ENUM name '{' (name (','? name)* ','?)? '}';
functionDecl: FN name '(' (parameter (',' parameter)* ','?)? ')' ('->' type)? block;
parameter: name ':' type ('=' expr)?;
unitDecl: UNIT_DECL name '=' expr;
useDecl: USE modulePath (',' modulePath)*;
modulePath: name ('.' anyWord)*;

handlerDecl: trigger (WITHIN expr)? block;
trigger
  : ON WINDOW name '[' expr (EVERY expr)? windowOption* ']' (AS name)?  # onWindow
  | ON START                                                          # onStart
  | ON STOP                                                           # onStop
  | ON RISING '(' expr ')'                                            # onRising
  | ON '(' expr ')' FOR expr                                          # onHolds
  | ON name STALE                                                     # onStale
  | ON name (AS name)?                                                # onValue
  | EVERY expr                                                        # onEvery
  | AT TEXT                                                           # onTime
  ;

windowOption
  : LATE expr                                 # windowLate     // how long it waits for readings
  | FILL expr                                 # windowFill     // how much of it must have been read
  | FROM START                                # windowFromStart
  ;

testDecl: TEST TEXT OF name '{' (testStep | ';')* '}';
testStep
  : (AT expr)? name '<-' (expr | answer | FROM TEXT (EVERY expr)?)      # feedStep
  | (AT expr)? EXPECT expr (WITHIN expr)?     # expectStep
  | (AT expr)? NEVER expr (WITHIN expr)?      # neverStep
  | (AT expr)? name '.' anyWord '(' expr? ')' # operateStep    // what a person does: hot.ack(), hot.shelve(1 h)
  | PARAM name '=' expr                       # paramStep
  | CASES column (',' column)* ('->' expr (',' expr)*)? (FROM TEXT)?    # casesStep  // what the rows below give
  | CASE cell (',' cell)* ('->' cell (',' cell)*)?                      # caseStep
  | FOR ANY anyValue (',' anyValue)*          # anyStep
  ;
answer: '{' argument (',' argument)* ','? '}';                          // of a model
column: name (':' type)?;
cell: FROM TEXT | pattern;
anyValue: name (':' type)? (IN expr '..' expr)?;

// ---- Types and units -------------------------------------------------------------------------------------------------

type: plainType '?'?;
plainType
  : '[' type ';' '<='? expr ']'               # arrayType
  | '{' fields '}'                            # recordType
  | IDENT ('.' IDENT)? ('(' expr (',' expr)* ')')? unit?   # namedType
  | unit                                      # unitType
  ;

unit: unitFactor (('*' | '/') unitFactor)*;
unitFactor: (IDENT | UNIT_WORD) ('^' '-'? NUMBER)? | '(' unit ')' ('^' '-'? NUMBER)?;

// ---- Statements ------------------------------------------------------------------------------------------------------

block: '{' (statement | ';')* '}';

statement
  : (LET | VAR) name (':' type)? '=' expr                             # letStmt
  | IF ifArm (ELSE IF ifArm)* (ELSE block)?                           # ifStmt
  | FOR name (',' name)? IN expr ('..<' expr)? block                  # forStmt
  | WHILE expr (MAX expr)? block                                      # whileStmt
  | MATCH expr '{' matchArm* '}'                                      # matchStmt
  | BREAK                                                             # breakStmt
  | CONTINUE                                                          # continueStmt
  | RETURN ({value_on_this_line()}? expr)?                            # returnStmt
  | expr ('=' expr)?                                                  # assignOrCallStmt
  ;

ifArm: (LET name '=')? expr block;
matchArm: (ELSE | pattern (',' pattern)*) block;
pattern: expr ('..' expr)?;

// ---- Expressions -----------------------------------------------------------------------------------------------------

expr
  : primary                                                           # primaryExpr
  | expr '.' TO '(' (unit | NUMBER) ')'                               # toUnitExpr   // .to(1): the plain number
  | expr '.' anyWord                                                  # memberExpr
  | expr '[' expr ('..<' expr)? ']'                                   # indexExpr
  | expr '(' (argument (',' argument)* ','?)? ')'                     # callExpr
  | op=('-' | '~') expr                                               # unaryExpr
  | expr op=('*' | '/' | MOD) expr                                    # binaryExpr
  | expr op=('+' | '-') expr                                          # binaryExpr
  | expr op=('<<' | '>>') expr                                        # binaryExpr
  | expr op='&' expr                                                  # binaryExpr
  | expr op='^' expr                                                  # binaryExpr
  | expr op='|' expr                                                  # binaryExpr
  | expr op='??' expr                                                 # binaryExpr
  | expr op=('==' | '!=' | '<' | '<=' | '>' | '>=') expr              # binaryExpr
  | expr IS MISSING                                                   # isMissingExpr
  | op=NOT expr                                                       # unaryExpr
  | expr op=AND expr                                                  # binaryExpr
  | expr op=OR expr                                                   # binaryExpr
  ;

primary
  : NUMBER                                                            # number
  | QUANTITY                                                          # quantity
  | TEXT                                                              # text
  | (TRUE | FALSE)                                                    # bool
  | MISSING                                                           # missing
  | (name | ON)                                                       # nameRef
  | '(' expr ')'                                                      # parenthesis
  | '[' (expr (',' expr)* ','?)? ']'                                  # arrayLiteral
  | '[' expr ';' expr ']'                                             # arrayFill
  ;

argument: (anyWord ':')? expr;

// What stands between the braces of a text: `temp`, `temp:.1 °C`, `temp:kPa`.
interpolation: expr (':' format)? EOF;
format: '.' (NUMBER | QUANTITY) | unit;

name
  : IDENT | AT | EVERY | STALE | AFTER | QUEUE | DROP | LATEST | WITHIN | AS | TO | CLOUD | SWITCH | VALUE | LOG | CLEAR
  | BELOW | ABOVE | PRIORITY | REMIND | DRIVES | LATCH | WINDOW | START | STOP | RISING | MAX | OF | EXPECT | FROM
  | HOLD | SKIP_BAD | UNIT_DECL | LATE | FILL | NEVER | ANY | CASES | CASE
  ;

// Behind a point, and as a label, every word is a name: `conveyor.on()`, `at: event.time`.
anyWord: plainWord | AND | OR | MOD | IS;
// All but those that would go on with an expression before them.
plainWord
  : name | ON | TASK | INPUT | OUTPUT | ALARM | PARAM | STATE | CONST | MODEL | RECORD | ENUM | FN | USE | TEST | LET | VAR
  | IF | ELSE | FOR | IN | WHILE | MATCH | BREAK | CONTINUE | RETURN | NOT | MISSING | TRUE | FALSE
  | WHEN
  ;

// ---- Words -----------------------------------------------------------------------------------------------------------

TASK: 'task'; INPUT: 'input'; OUTPUT: 'output'; ALARM: 'alarm'; PARAM: 'param'; STATE: 'state'; CONST: 'const';
MODEL: 'model'; RECORD: 'record'; ENUM: 'enum'; FN: 'fn'; USE: 'use'; TEST: 'test'; LET: 'let'; VAR: 'var'; IF: 'if';
ELSE: 'else'; FOR: 'for'; IN: 'in'; WHILE: 'while'; MATCH: 'match'; BREAK: 'break'; CONTINUE: 'continue';
RETURN: 'return'; AND: 'and'; OR: 'or'; NOT: 'not'; MOD: 'mod'; IS: 'is'; MISSING: 'missing'; TRUE: 'true';
FALSE: 'false'; WHEN: 'when'; ON: 'on';

AT: 'at'; EVERY: 'every'; STALE: 'stale'; AFTER: 'after'; QUEUE: 'queue'; DROP: 'drop'; LATEST: 'latest';
WITHIN: 'within'; AS: 'as'; TO: 'to'; CLOUD: 'cloud'; SWITCH: 'switch'; VALUE: 'value'; LOG: 'log'; CLEAR: 'clear';
BELOW: 'below'; ABOVE: 'above'; PRIORITY: 'priority'; REMIND: 'remind'; DRIVES: 'drives'; LATCH: 'latch';
WINDOW: 'window'; START: 'start'; STOP: 'stop'; RISING: 'rising'; MAX: 'max'; OF: 'of'; EXPECT: 'expect'; FROM: 'from';
LATE: 'late'; FILL: 'fill'; NEVER: 'never'; ANY: 'any'; CASES: 'cases'; CASE: 'case'; HOLD: 'hold'; SKIP_BAD: 'skip';
UNIT_DECL: 'unit';

IDENT: LETTER (LETTER | [0-9])*;
UNIT_WORD: '°' LETTER* SUPERSCRIPT? | [%‰] | LETTER (LETTER | [0-9₀-₉])* SUPERSCRIPT?;

QUANTITY: NUMBER [ \t]* UNIT {unit_ends_here()}?;
NUMBER
  : '0x' [0-9a-fA-F_]+
  | '0b' [01_]+
  | DIGITS ('.' DIGITS)? ([eE] [+-]? [0-9]+)?
  ;

// Interpolations are parsed from the token's text afterwards. One line, so that a forgotten quote spoils one line only.
TEXT: '"' (ESCAPE | ~["\\{\r\n] | BRACED)* '"';
UNCLOSED_TEXT: '"' ~["\r\n]*;

DOC: '///' ~[\r\n]* -> channel(HIDDEN);
COMMENT: '//' ~[\r\n]* -> skip;
SPACE: [ \t\r\n\u00A0\uFEFF]+ -> skip;

// Written by habit from other languages; the messages say what to write here.
AND_AND: '&&';
OR_OR: '||';
BANG: '!';
ASSIGN_OP: '+=' | '-=' | '*=' | '/=' | '++' | ':=';
OTHER_OP: '===' | '!==' | '<>' | '**';
COMMENT_OPEN: '/*' | '(*';

UNKNOWN: .;

fragment DIGITS: [0-9] [0-9_]*;
fragment LETTER: [a-zA-Z_\u00B5\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u02FF\u0370-\u1FFF\u2126\u3040-\uD7FF];
fragment UNIT_LETTER: [a-zA-Z_\u00B0\u00B5\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u02FF\u0370-\u1FFF\u2126%‰];
fragment SUPERSCRIPT: '⁻'? [⁰¹²³⁴⁵⁶⁷⁸⁹]+;
fragment UNIT: UNIT_NAME UNIT_POWER? ([*/] UNIT_FACTOR)*;
fragment UNIT_NAME: UNIT_LETTER (UNIT_LETTER | [0-9₀-₉])*;
fragment UNIT_FACTOR: (UNIT_NAME | '(' UNIT ')') UNIT_POWER?;
fragment UNIT_POWER: SUPERSCRIPT | '^' '-'? [0-9]+;
fragment ESCAPE: '\\' ~[\r\n];
fragment BRACED: '{' (TEXT | BRACED | ~["{}\r\n])* '}';
