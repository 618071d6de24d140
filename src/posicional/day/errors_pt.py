"""Why a run or publication failed, or the store does not answer, in Portuguese: the errors that ends of turns hold.

What only `posicional check` says of a contract stays English, and the sentence says so.
"""

from __future__ import annotations

import re

from posicional.day.portuguese import Table, told, told_behind_its_place

# Messages.

_TURNS: Table = {
    "stopped by KeyboardInterrupt": "interrompido por uma pessoa (Ctrl-C)",
    "stopped by {name}": "parou por um erro do próprio programa ({name})",
    "taken over by somebody else": "outro processo assumiu",
    "other files or another contract came while it ran": "outros arquivos ou outro contrato chegaram no meio",
    "{who} has ended without saying so": "{who} terminou sem avisar",
    "nothing was heard of it before its lease ended at {at} UTC": "ninguém deu notícia dele até {at} UTC",
    "its end cannot be read": "o registro do seu fim não pode ser lido",
}

_DATA: Table = {
    "{count} rows have a null in it and {values} of it stand in {rows} rows": (
        "{count} linhas têm a chave vazia e {values} da chave se repetem em {rows} linhas"
    ),
    "1 row has a null in it and {values} of it stand in {rows} rows": (
        "1 linha tem a chave vazia e {values} da chave se repetem em {rows} linhas"
    ),
    "{count} rows have a null in it": "{count} linhas têm a chave vazia",
    "{count} row has a null in it": "{count} linha tem a chave vazia",
    "{values} of it stand in {rows} rows": ("{values} da chave se repetem em {rows} linhas"),
    "1 value": "1 valor",
    "{count} values": "{count} valores",
    "the key ({key}) to be unique and never null": "a chave ({key}) única e nunca vazia",
    "{what} in a cast or a calculation (column {column})": ("{what}, numa conversão ou num cálculo (coluna {column})"),
    "{what} in a cast or a calculation": "{what}, numa conversão ou num cálculo",
    "a number is divided by zero": "divisão por zero",
    "a value does not fit": "um valor não cabe",
    "1 row in {query}: {places+}": "1 linha em {query}: {places}",
    "{count} rows in {query}: {places+}": "{count} linhas em {query}: {places}",
    "1 row in {query}": "1 linha em {query}",
    "{count} rows in {query}": "{count} linhas em {query}",
    "these queries to give no row": "nenhuma linha nestas consultas",
    "personal columns are hashed, and the environment variable {name} is not set": (
        "há colunas pessoais com hash, e a variável de ambiente {name} não está definida"
    ),
    "{name} is too short to keep a secret": "{name} é curta demais para guardar um segredo",
    "{count} bytes or more": "{count} bytes ou mais",
    "a row has no key": "uma linha está sem chave",
    "{key} never to be null": "{key} nunca vazio",
    "{refused} of {rows} documents were refused: {reasons}": (
        "{refused} de {rows} documentos foram recusados: {reasons}"
    ),
}

_SQL: Table = {
    "there is no table or alias {name} in this place": "não há aqui tabela nem apelido {name}",
    "there is no table {name}": "não há a tabela {name}",
    "there is no column {name} on both sides of this join": "não há a coluna {name} dos dois lados deste join",
    "there is no column {name} in {table}": "não há a coluna {name} em {table}",
    "there is no column {name}": "não há a coluna {name}",
    "several tables have a column {name}": "várias tabelas têm a coluna {name}",
    "a name in this query is not clear: {what}": "um nome nesta consulta não está claro: {what}",
    "two columns are called {name}": "duas colunas se chamam {name}",
    "the {which} column {name} is not in the result": "a coluna {name} ({which}) não está no resultado",
    "key's": "da chave",
    "protected": "de protect:",
    "the key's column {name} would no longer tell rows apart: {how}": (
        "a coluna {name} da chave não distinguiria mais as linhas: {how}"
    ),
    "the declared column {name} is dropped": "a coluna declarada {name} foi retirada com drop",
    "the dataset has no column {name}": "o dataset não tem a coluna {name}",
    "the dataset {dataset} has no column {name}": "o dataset {dataset} não tem a coluna {name}",
    "the declared column {name} is not in the result": "a coluna declarada {name} não está no resultado",
    "the column {name} is not declared": "a coluna {name} não está declarada",
    "the column {name} has the type {type}, which not every engine can write": (
        "a coluna {name} tem o tipo {type}, que nem todo motor escreve"
    ),
    "the column {name} is always null": "a coluna {name} é sempre nula",
    "the column {name} does not fit its declared type": "a coluna {name} não cabe no tipo declarado",
    "column {name}: {type} is not a type of Spark SQL": "coluna {name}: {type} não é um tipo do Spark SQL",
    "only text can be masked; {name} is {type}": "só texto pode ser mascarado; {name} é {type}",
    "only a date has a year; {name} is {type}": "só uma data tem ano; {name} é {type}",
    "a list cannot be hashed: {name} is {type}": "uma lista não pode virar hash: {name} é {type}",
    "1 fault in the contract": "1 problema no contrato",
    "{count} faults in the contract": "{count} problemas no contrato",
}

_ENGINES: Table = {
    "DuckDB needs more memory than it may use": ("o DuckDB precisa de mais memória do que pode usar"),
    "DuckDB cannot run this: {why+}": "o DuckDB não consegue rodar isto: {why}",
    "DuckDB failed ({kind} error)": "o DuckDB falhou (erro {kind})",
    "IO Error: {what+}": "erro de leitura ou gravação: {what}",
    "the table {name} has no part": "a tabela {name} está sem partes",
    "the parts of {name} cannot be read: {kind}": "as partes de {name} não podem ser lidas: {kind}",
    "a part cannot be copied here: {why}": "uma parte não pode ser copiada para cá: {why}",
    "no temporary folder can be made: {why}": "não dá para criar uma pasta temporária: {why}",
    "no room to unpack: {why}": "não há espaço para descompactar: {why}",
    "DuckDB does not start: {why}": "o DuckDB não inicia: {why}",
    "Spark does not start ({kind})": "o Spark não inicia ({kind})",
    "Spark failed ({kind})": "o Spark falhou ({kind})",
    "Spark's processes cannot reach a store in memory": (
        "os processos do Spark não alcançam um armazenamento em memória"
    ),
    "{name} is not installed": "{name} não está instalado",
    "Spark cannot run this: {why+}": "o Spark não consegue rodar isto: {why}",
    "Spark needs more memory than it may use": "o Spark precisa de mais memória do que pode usar",
    "Spark has stopped": "o Spark parou",
    "the disk of Spark's temporary folder is full": "o disco da pasta temporária do Spark está cheio",
    "parts cannot be read": "partes não podem ser lidas",
    "a query within the query gives several rows where one is wanted": (
        "uma consulta dentro da consulta dá várias linhas onde se quer uma"
    ),
    "Spark needs Java": "o Spark precisa de Java",
    "Java {version}": "Java {version}",
    "no Java": "não há Java",
}

_STORES: Table = {
    "the disk is full": "o disco está cheio",
    "the disk quota is used up": "a cota de disco acabou",
    "the folder is read-only": "a pasta é somente leitura",
    "permission denied": "sem permissão",
    "not permitted": "operação não permitida",
    "the filesystem has no hard links": "o sistema de arquivos não tem hard links",
    "there is a file where a folder should be": "há um arquivo onde deveria haver uma pasta",
    "there is a folder where a file should be": "há uma pasta onde deveria haver um arquivo",
    "the name is too long": "o nome é longo demais",
    "a loop of links": "os links dão voltas",
    "too many open files": "arquivos abertos demais",
    "the system refused": "o sistema recusou",
    "no such file": "o arquivo não existe",
    "not a file": "não é um arquivo",
    "no such object": "o objeto não existe",
    "there is an object already": "já há um objeto ali",
    "the file has changed since it was seen": "o arquivo mudou depois de visto",
    "the object has changed since it was seen": "o objeto mudou depois de visto",
    "the object ended early": "o objeto terminou antes da hora",
    "access denied": "acesso negado",
    "AWS gives no credentials": "a AWS não dá credenciais",
    "AWS's settings cannot be read": "as configurações da AWS não podem ser lidas",
    "there are no AWS credentials": "não há credenciais da AWS",
    "nothing says in which AWS region it is": "nada diz em que região da AWS ele está",
    "not a contract as `posicional deploy` uploads them": "não é um contrato como `posicional deploy` envia",
    "the bucket cannot be opened": "não foi possível abrir o bucket",
    "the store cannot be reached": "não foi possível chegar ao armazenamento",
    "the store answers {status} ({said+})": "o armazenamento responde {status} ({said})",
    "the store answers {status}": "o armazenamento responde {status}",
    "there is no such bucket": "o bucket não existe",
    "not a key": "não é uma chave",
    "not the URL of a bucket": "não é a URL de um bucket",
    "s3://bucket or s3://bucket/prefix": "s3://bucket ou s3://bucket/prefixo",
    "this is not a Parquet file": "não é um arquivo Parquet",
    "the fact of this arrival cannot be read": "o registro desta chegada não pode ser lido",
    "the store says that the fact exists and that it does not": (
        "o armazenamento diz que o registro existe e que não existe"
    ),
    "not the variables of a feed": "não são as variáveis de um feed",
}

_TARGETS: Table = {
    "OpenSearch cannot be reached": "não foi possível chegar ao OpenSearch",
    "no answer within {seconds} s": "sem resposta em {seconds} s",
    "the connection broke": "a conexão caiu",
    "its certificate is not trusted": "o certificado não é confiável",
    "it is busy ({status})": "está ocupado ({status})",
    "it refuses us ({status})": "recusou o nosso acesso ({status})",
    "an answer cannot be read": "uma resposta não pode ser lida",
    "an answer to a bulk request was cut off": "a resposta a um envio veio cortada",
    "{count} documents were pushed back": "{count} documentos foram devolvidos",
    "{request} was refused ({status})": "{request} foi recusado ({status})",
    "{request} was refused": "{request} foi recusado",
    "{request}: no such index": "{request}: o índice não existe",
    "the index does not hold what was sent": "o índice não tem o que foi enviado",
    "{count} documents": "{count} documentos",
    "there is an index of this name already, which this ledger did not make": (
        "já há um índice com este nome, que não foi criado por aqui"
    ),
    "somebody else keeps moving the aliases": "outra pessoa ou programa não para de mover os aliases",
    "{alias} is an index, so it cannot be the alias that readers use": (
        "{alias} é um índice, então não pode ser o alias que os leitores usam"
    ),
    "the alias {alias} shows {index}, which this feed did not make": (
        "o alias {alias} mostra {index}, que não é deste feed"
    ),
    "the alias {alias} shows {index}, which was published in another mode:": (
        "o alias {alias} mostra {index}, que foi publicado com outro mode:"
    ),
    "the index holds later publications of this date, which this ledger did not make": (
        "o índice tem publicações posteriores desta data, que não foram feitas por aqui"
    ),
    "an index template of the cluster shows new indices as {aliases}": (
        "um index template do cluster mostra índices novos como {aliases}"
    ),
    "the index was removed while it was filled": "o índice foi removido enquanto recebia documentos",
    "documents that were looked at are not what was sent: {count} are not there; they differ in {columns}": (
        "documentos conferidos não são o que foi enviado: {count} não estão lá; há diferença em {columns}"
    ),
    "documents that were looked at are not what was sent: {count} are not there": (
        "documentos conferidos não são o que foi enviado: {count} não estão lá"
    ),
    "documents that were looked at are not what was sent: they differ in {columns}": (
        "documentos conferidos não são o que foi enviado: há diferença em {columns}"
    ),
    "there is an index of this name, which is not this feed's or has not the alias {alias}": (
        "já há um índice com este nome, que não é deste feed ou não tem o alias {alias}"
    ),
    "the index cannot take the dataset's columns as they are now": (
        "o índice não aceita as colunas do dataset como estão agora"
    ),
    "{flag} is no boolean column of the dataset {dataset}": "{flag} não é coluna booleana do dataset {dataset}",
    "a column that is true where the row is gone": "uma coluna verdadeira onde a linha deixou de existir",
    "the publication left no fact": "a publicação não deixou registro",
    "there is nowhere to publish": "não há onde publicar",
    "run {run} has not made the dataset {name}": "o run {run} não fez o dataset {name}",
    "the column {name} cannot be a field of a document": "a coluna {name} não pode ser campo de um documento",
    "the column {name} has the type {type}, which cannot be published yet": (
        "a coluna {name} tem o tipo {type}, que ainda não pode ser publicado"
    ),
}

_PLACES: Table = {
    "{file} line {line}, {more+}": "{file} linha {line}, {more}",
    "{file} line {line}": "{file} linha {line}",
}

MESSAGES: Table = {**_TURNS, **_DATA, **_SQL, **_ENGINES, **_STORES, **_TARGETS, **_PLACES}

# What to do next.

HINTS: Table = {
    "did you mean {one} or {two} or {three}?": "seria {one}, {two} ou {three}?",
    "did you mean {one} or {two}?": "seria {one} ou {two}?",
    "did you mean {name}?": "seria {name}?",
    "there are: {names}": "há: {names}",
    "name one that its SQL gives": "indicar uma que o SQL dá",
    "pip install {what}": "pip install {what}",
    "use a folder or a bucket, or the engine duckdb": "usar uma pasta ou um bucket, ou o motor duckdb",
    "it has {names}": "ele tem {names}",
    "protect it with {how}": "proteger com {how}",
    "say it otherwise": "escrever de outro jeito",
    "it changed while it was read: convert it again": "mudou durante a leitura: converter de novo",
    "write {one} or {two+}": "escreva {one} ou {two}",
    "write {this+}": "escreva {this}",
    "remove it, if the store was emptied, and run the days anew; or give the dataset another index:": (
        "remover o índice, se o armazenamento foi esvaziado, e refazer os dias; ou dar ao dataset outro index:"
    ),
    "take the alias out of the template: what is being filled is not to be seen": (
        "tirar o alias do template: o que ainda está sendo carregado não pode ser visto"
    ),
    "does an ingest pipeline change them? else run the command again": (
        "algum pipeline de ingestão os muda? se não, rodar o comando de novo"
    ),
    "give the dataset another index: and run the days anew, or say the old type under fields:": (
        "dar ao dataset outro index: e refazer os dias, ou dizer o tipo antigo em fields:"
    ),
    "remove it, and run the days anew; or give the dataset another index:": (
        "removê-lo e refazer os dias; ou dar ao dataset outro index:"
    ),
    "which ones: {key}; mend the dataset's columns or its fields:, then run with --again": (
        "quais: {key}; corrigir as colunas do dataset ou os seus fields:, depois rodar com --again"
    ),
    "run the command again; if it stays so, look at the cluster's log": (
        "rodar o comando de novo; se continuar, ver o log do cluster"
    ),
    "run the command again once it is complete": "rodar o comando de novo quando estiver completo",
    "run the command again": "rodar o comando de novo",
    "run the day again": "rodar o dia de novo",
    "find out who, then run the command again": "descobrir quem, depois rodar o comando de novo",
    "the contract has changed since: process the day anew with --again": (
        "o contrato mudou desde então: processar o dia de novo, com --again"
    ),
    "process the day again with --again": "processar o dia de novo, com --again",
    "look for a join that matches several rows, or name more columns in key:": (
        "procurar um join que encontra várias linhas, ou pôr mais colunas em key:"
    ),
    "correct the data and send it again, or the query": "corrigir os dados e reenviar, ou corrigir a consulta",
    "use try_cast where such values are expected, or a wider type": (
        "usar try_cast onde tais valores são esperados, ou um tipo maior"
    ),
    "name one of them with as": "dar outro nome a uma delas com as",
    "name it in from or join": "pôr em from ou join",
    "add it to columns:, or leave it out": "pôr em columns:, ou deixar de fora",
    "cast it in the SQL": "converter no SQL com cast",
    "leave it out, or cast it": "deixar de fora, ou converter com cast",
    "give it a type, as in cast(null as string)": "dar um tipo, como em cast(null as string)",
    "{how} makes it {type}: declare that": "{how} faz dela {type}: declarar isso",
    "drop it": "usar drop",
    "cast the argument to the type that the function takes": "converter o argumento para o tipo da função",
    "give it another name with as: no leading underscore, no dot, not posicional": (
        "dar outro nome com as: sem _ no começo, sem ponto, e não posicional"
    ),
    "name it: {what}, or AWS_REGION": "indicar: {what}, ou AWS_REGION",
    "set it to a long random text, and keep it: {command+}": (
        "definir com um texto longo e aleatório, e guardá-lo: {command}"
    ),
    "name it under publish:": "indicar em publish:",
    "give the dataset another index: in the feed, or remove that index": (
        "dar outro index: ao dataset no feed, ou remover aquele índice"
    ),
    "give the dataset another index: in the feed, or remove that alias": (
        "dar outro index: ao dataset no feed, ou remover aquele alias"
    ),
    "remove it, if the store was emptied; or give the feed another index:": (
        "removê-lo, se o armazenamento foi esvaziado; ou dar outro index: ao feed"
    ),
    "its file must be converted again": "o arquivo precisa ser convertido de novo",
    "were they changed or removed? convert the file again": "mudaram ou sumiram? converter o arquivo de novo",
    "raise its memory limit, or give it fewer threads": "aumentar o limite de memória, ou usar menos threads",
    "is the disk of the temporary folder full?": "o disco da pasta temporária está cheio?",
    "look at the engine's settings": "ver as configurações do motor",
    "give it more under engine:, or larger workers on Glue": "dar-lhe mais em engine:, ou workers maiores no Glue",
    "make room there, or name another folder under engine:": "abrir espaço ali, ou indicar outra pasta em engine:",
    "was it killed? run the command again": "foi morto? rodar o comando de novo",
    "is there memory enough, and is JAVA_HOME a Java 17?": "há memória, e JAVA_HOME é um Java 17?",
    "install one (apt-get install openjdk-17-jre-headless), set JAVA_HOME, or pip install 'posicional[java]'": (
        "instalar um (apt-get install openjdk-17-jre-headless), definir JAVA_HOME, ou pip install 'posicional[java]'"
    ),
    "make room there, or set TMPDIR to another folder": "liberar espaço, ou apontar TMPDIR para outra pasta",
    "free space below {folder}": "liberar espaço em {folder}",
    "the cluster may need more room or rest; run the command again later": (
        "o cluster pode precisar de espaço ou de descanso; rodar o comando mais tarde"
    ),
    "is it running, and is its url: right?": "está no ar, e a url está certa?",
    "set SSL_CERT_FILE to its authority": "apontar SSL_CERT_FILE para a autoridade dele",
    "look at the user, password and role": "ver usuário, senha e papel",
    "look at the user and role": "ver usuário e papel",
    "somebody closed, removed or blocked the index": "alguém fechou, removeu ou bloqueou o índice",
    "make room, then run the command again": "liberar espaço, depois rodar o comando de novo",
    "give a store that can be written, or mount this one so": "usar um armazenamento gravável, ou montar este assim",
    "give this user the right to read and write there": "dar a este usuário o direito de ler e gravar ali",
    "give this user the right; the filesystem must allow hard links": (
        "dar o direito a este usuário; o sistema de arquivos precisa permitir hard links"
    ),
    "use a folder on a filesystem that has them, or S3": "usar uma pasta em outro sistema de arquivos, ou S3",
    "move the file away, or give another store": "tirar o arquivo dali, ou usar outro armazenamento",
    "move the folder away": "tirar a pasta dali",
    "use a shorter name": "usar um nome mais curto",
    "remove the link": "remover o link",
    "raise the limit (ulimit -n)": "aumentar o limite (ulimit -n)",
    "see the system's log": "ver o log do sistema",
    "check the credentials (AWS_…) and the policy of the bucket": (
        "conferir as credenciais (AWS_…) e a política do bucket"
    ),
    "check AWS_… in the environment": "conferir AWS_… no ambiente",
    "check the endpoint and the network, then run the command again": (
        "conferir o endereço e a rede, depois rodar o comando de novo"
    ),
    "make it, or give another store": "criá-lo, ou usar outro armazenamento",
    "look at the store's state, then run the command again": (
        "ver o estado do armazenamento, depois rodar o comando de novo"
    ),
    "a JSON object of texts, each under the name of its variable": (
        "um objeto JSON de textos, cada um sob o nome da sua variável"
    ),
    "a relative path of names, with /": "um caminho relativo de nomes, com /",
}


def error_in_portuguese(line: str) -> str:
    """One line of an error (`where: message; expected …, got … -> what to do`), with what to do in brackets."""
    body, _, hint = line.partition(" -> ")
    head, expected, got = parts(body)
    messages = [told_behind_its_place(one, MESSAGES) for one in head.split("; ")]
    if None in messages:  # one of which the semicolon is a part
        messages = [told_behind_its_place(head, MESSAGES)]
    if None in messages:
        return f"o programa diz, em inglês: {shown(line)}"
    message = re.sub(r": column (\d+): ", r": coluna \1: ", "; ".join(one for one in messages if one))
    if expected:
        message += f"; esperado: {told(expected, MESSAGES) or told(expected, HINTS) or expected}"
    if got:
        message += f"; veio: {told(got, MESSAGES) or got}"
    return f"{message} ({told(hint, HINTS) or hint})" if hint else message


def shown(line: str) -> str:
    """One line of an error in its own words, with what to do in brackets: an arrow is left to the alarm's own words."""
    body, arrow, hint = line.partition(" -> ")
    return f"{body} ({hint})" if arrow else body


def parts(body: str) -> tuple[str, str, str]:
    """What an error says, what it expected, what it got."""
    head, mark, rest = body.partition("; expected ")
    if mark:
        expected, _, got = rest.rpartition(", got ")
        return (head, expected, got) if expected else (head, rest, "")
    head, _, got = body.partition("; got ")
    return head, "", got
