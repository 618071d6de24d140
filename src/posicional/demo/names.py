"""The words that the sample is made of: people, places, plans, brokers, procedures. Made up, but as in Brazil."""

from __future__ import annotations

from typing import NamedTuple

WOMEN = (
    "Adriana", "Aline", "Ana", "Ana Beatriz", "Ana Lúcia", "Antônia", "Beatriz", "Bruna", "Camila", "Cecília",
    "Cláudia", "Débora", "Fabíola", "Fernanda", "Flávia", "Francisca", "Helena", "Inês", "Joana", "Júlia", "Larissa",
    "Letícia", "Lúcia", "Luíza", "Márcia", "Maria", "Maria Aparecida", "Maria José", "Mônica", "Patrícia", "Rosângela",
    "Tânia",
)  # fmt: skip
MEN = (
    "André", "Antônio", "Bruno", "Caio", "Carlos", "César", "Cláudio", "Daniel", "Edson", "Fábio", "Felipe", "Flávio",
    "Francisco", "Gabriel", "Gustavo", "Inácio", "João", "João Pedro", "Joaquim", "José", "José Carlos", "Lucas",
    "Luís", "Luiz", "Marcos", "Mário", "Nélson", "Paulo", "Rafael", "Raimundo", "Sebastião", "Vinícius",
)  # fmt: skip
GIVEN = (*WOMEN, *MEN)
SURNAMES = (
    "Albuquerque", "Almeida", "Alves", "Araújo", "Assunção", "Barbosa", "Cardoso", "Carvalho", "Conceição", "Corrêa",
    "Costa", "Ferreira", "Gonçalves", "Guimarães", "Lima", "Magalhães", "Mendonça", "Nogueira", "Oliveira", "Peçanha",
    "Pereira", "Ribeiro", "Rodrigues", "Sá", "Simões", "Souza", "Teixeira", "Vasconcelos",
)  # fmt: skip
LAST_SURNAMES = (*SURNAMES, "da Silva", "dos Santos", "do Nascimento", "da Conceição", "de Jesus", "d'Ávila")
FAMILIES = tuple(f"{first} {last}" for first in SURNAMES for last in LAST_SURNAMES if first not in last)

BROKER_KINDS = (
    "& Filhos Corretora de Seguros Ltda",
    "Administração de Benefícios S.A.",
    "Proteção e Saúde \u2013 ME",  # a dash that cp1252 has and Latin-1 has not
    "Assessoria em Seguros Eireli",
    "Irmãos Corretores Associados",
)
BROKERS = tuple(f"{surname} {kind}" for surname in SURNAMES for kind in BROKER_KINDS)


class City(NamedTuple):
    """A city, its state, and the first two digits of its postal codes."""

    name: str
    state: str
    postal: int


CITIES = (
    City("São Paulo", "SP", 1),
    City("São José do Rio Preto", "SP", 15),
    City("Santo André", "SP", 9),
    City("Ribeirão Preto", "SP", 14),
    City("Rio de Janeiro", "RJ", 20),
    City("Niterói", "RJ", 24),
    City("Vitória", "ES", 29),
    City("Belo Horizonte", "MG", 30),
    City("Uberlândia", "MG", 38),
    City("Salvador", "BA", 40),
    City("Maceió", "AL", 57),
    City("Recife", "PE", 50),
    City("João Pessoa", "PB", 58),
    City("Fortaleza", "CE", 60),
    City("São Luís", "MA", 65),
    City("Belém", "PA", 66),
    City("Macapá", "AP", 68),
    City("Manaus", "AM", 69),
    City("Brasília", "DF", 70),
    City("Goiânia", "GO", 74),
    City("Cuiabá", "MT", 78),
    City("Curitiba", "PR", 80),
    City("Florianópolis", "SC", 88),
    City("Porto Alegre", "RS", 90),
)


class Plan(NamedTuple):
    """A plan. `price` in cents, `share` in hundredths of a per cent, `wait` in days; `weight`: its contracts in 100."""

    id: str
    code: str
    name: str
    segment: str
    room: str
    price: int
    share: int
    wait: int
    weight: int


PLANS = (
    Plan("0001", "BASICO", "Plano Básico Regional", "AMBULATORIAL", "SEM", 14990, 3000, 180, 18),
    Plan("0002", "BASICO", "Plano Básico Nacional", "HOSPITALAR", "ENFERMARIA", 21950, 3000, 180, 12),
    Plan("0010", "ESSENCIAL", "Essencial Saúde", "COMPLETO", "ENFERMARIA", 29900, 2000, 120, 20),
    Plan("0011", "ESSENCIAL", "Essencial Saúde + Odontologia", "COMPLETO", "ENFERMARIA", 33480, 2000, 120, 9),
    Plan("0020", "FAMILIAR", "Família Coração", "COMPLETO", "APARTAMENTO", 47250, 1500, 90, 11),
    Plan("0021", "JOVEM", "Primeira Opção Jovem", "AMBULATORIAL", "SEM", 17900, 2500, 60, 6),
    Plan("0022", "SENIOR", "Maturidade Sênior", "COMPLETO", "APARTAMENTO", 98700, 1000, 180, 5),
    Plan("0030", "EMPRESA", "Empresarial Ação Coletiva", "COMPLETO", "ENFERMARIA", 26800, 2000, 0, 10),
    Plan("0040", "ODONTO", "Odonto Proteção", "ODONTOLÓGICO", "SEM", 4590, 0, 30, 3),
    Plan("0050", "EXECUTIVO", "Executivo Nacional", "COMPLETO", "APARTAMENTO", 81200, 500, 60, 3),
    Plan("0060", "PREMIUM", "Premium Excelência", "COMPLETO", "APARTAMENTO", 129900, 0, 0, 2),
    Plan("0070", "MASTER", "Master Atenção Integral", "COMPLETO", "APARTAMENTO", 164300, 0, 0, 1),
)
CONTRACT_KINDS = ("INDIVIDUAL", "FAMILIAR", "COLETIVO", "ADESÃO")


class Procedure(NamedTuple):
    """A medical procedure with its code, usual cost in cents, and usual days in hospital (0: none)."""

    code: str
    name: str
    cost: int
    days: int


PROCEDURES = (
    Procedure("0010101012", "Consulta em consultório", 18000, 0),
    Procedure("0010101039", "Consulta em pronto-socorro", 24000, 0),
    Procedure("0020103048", "Sessão de fisioterapia", 9500, 0),
    Procedure("0040302016", "Hemograma completo", 3200, 0),
    Procedure("0040901114", "Ultrassonografia abdominal", 16500, 0),
    Procedure("0041001010", "Tomografia computadorizada do crânio", 52000, 0),
    Procedure("0041101014", "Ressonância magnética da coluna", 98000, 0),
    Procedure("0030307112", "Cirurgia de catarata", 430000, 1),
    Procedure("0031003079", "Apendicectomia", 780000, 3),
    Procedure("0031309127", "Parto cesáreo", 1120000, 3),
    Procedure("0030912032", "Angioplastia coronária", 2860000, 5),
    Procedure("0010104020", "Internação clínica", 645000, 6),
    Procedure("0010104011", "Internação em terapia intensiva", 3950000, 11),
)
PAYMENT_WAYS = ("PIX", "BOLETO", "DÉBITO", "CARTÃO")
CLAIM_STATES = ("ABERTO", "PAGO", "NEGADO")
