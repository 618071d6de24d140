-- The running contracts of every plan but the basic ones, with their plan, their broker and where the holder lives.
--
-- The filter asks planos for the plan's name, not contratos: contratos.plano is five bytes wide, BASICO stands
-- there as BASIC, and `contratos.plano <> 'BASICO'` would let every basic contract through.
select
  c.numero_contrato,
  p.plano,
  c.descricao,
  c.id_plano,
  p.nome as nome_plano,
  p.segmento,
  c.cpf,
  l.cidade,
  l.uf,
  r.nome as corretor,
  c.inicio,
  c.valor,
  c.ajuste,
  c.valor + coalesce(c.ajuste, 0) as mensalidade
from contratos c
join planos p
  on p.id_plano = c.id_plano
join clientes l
  on l.cpf = c.cpf
join corretores r
  on r.id_corretor = c.id_corretor
where p.plano <> 'BASICO'
  and c.fim is null
